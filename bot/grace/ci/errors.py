"""What can go wrong in a CI job; each is shown to people as the job's error, with advice."""

from typing import ClassVar


class CIError(Exception):
    """The root of this package's errors: what is wrong, and a sentence on what to do."""

    usual: ClassVar[str] = "See the log above"

    def __init__(self, wrong: str, advice: str = "") -> None:
        super().__init__(wrong)
        self.advice = advice or self.usual


class ResultsInvalid(CIError):
    """A results file that cannot be read, or results that do not belong together."""

    usual = "Correct what wrote these results: the README of the actions says what each one reads"


class CheckoutInvalid(CIError):
    """A checkout whose commit and tree cannot stand for what was tested."""

    usual = (
        "Check out one commit, and let the steps before this one write outside of the checkout, "
        "such as to $RUNNER_TEMP"
    )


class LoadFailed(CIError):
    """A load test that says nothing, because no request succeeded or the service never came up."""

    usual = "Start the service by the same command in a fresh checkout, with PORT set, and ask it"


class ScanFailed(CIError):
    """A scanner that is missing, took too long or said nothing that can be read."""

    usual = "Run the job again: a scan that was not made is never taken for clean"


class PatchRefused(CIError):
    """An agent that failed, or a patch that may not leave the job."""

    usual = "Nothing has left the job: change the agent's command, or what its job gives it"


class ContextMissing(CIError):
    """The CI environment lacks what a report must be bound to."""

    usual = "Compare the job with that of the README of the actions: trigger, rights and inputs"


class ReportRefused(CIError):
    """The bot or the token service said no; `status` is its HTTP status."""

    usual = "The answer says why; the report is kept as the artifact grace-report"

    def __init__(self, status: int, where: str, body: str) -> None:
        self.status = status
        self.body = body
        super().__init__(f"{where} answered {status}: {body}")
