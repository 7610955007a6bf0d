"""What the store refuses, each with a sentence for a person."""


class StoreError(Exception):
    """Something about the store; `sentence` says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class StoreLocked(StoreError):
    """Another process has this store open."""


class StoreTooNew(StoreError):
    """The file was written by a newer version of this program."""


class StoreUnreadable(StoreError):
    """The file is there but is not a store of ours."""


class StoreClosed(StoreError):
    """The store was closed before it was asked."""


class EffectGone(StoreError):
    """The effect is not waiting: it was replaced by a newer one, is begun, or is done."""


class IssueTaken(StoreError):
    """Two missions claim one issue."""
