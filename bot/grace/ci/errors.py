"""What can go wrong in a CI job; each text is shown to people as the job's error."""


class CIError(Exception):
    """The root of this package's errors."""


class ResultsInvalid(CIError):
    """A results file that cannot be read, or results that do not belong together."""


class CheckoutInvalid(CIError):
    """A checkout whose commit and tree cannot stand for what was tested."""


class LoadFailed(CIError):
    """A load test that says nothing, because no request succeeded or the service never came up."""


class ScanFailed(CIError):
    """A scanner that is missing, took too long or said nothing that can be read."""


class PatchRefused(CIError):
    """An agent that failed, or a patch that may not leave the job."""


class ContextMissing(CIError):
    """The CI environment lacks what a report must be bound to."""


class ReportRefused(CIError):
    """The bot or the token service said no; `status` is its HTTP status."""

    def __init__(self, status: int, where: str, body: str) -> None:
        self.status = status
        self.body = body
        super().__init__(f"{where} answered {status}: {body}")
