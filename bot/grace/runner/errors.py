"""What a runner cannot go on with, as a sentence that says the way out."""


class RunnerError(Exception):
    """Something that a person must mend before the runner can work."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class TargetBusy(RunnerError):
    """Another process acts on the target."""


class JournalDamaged(RunnerError):
    """A journal does not say any more what was done."""
