"""What the file of tokens and sessions refuses, with a sentence for a person."""


class AccessError(Exception):
    """Something about `access.db` or the session key; `sentence` says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
