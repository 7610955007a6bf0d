"""What the core needs of memory: missions like one that is asked about, and vectors of texts."""

from collections.abc import Sequence
from typing import Protocol

from grace.domain.memory.question import Question
from grace.domain.memory.recall import Memories


class MemoryUnavailable(Exception):
    """Memory cannot be asked now; `sentence` says why, and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class MemorySearch(Protocol):
    """Find missions like a question, among those that may be cited where it is asked.

    What may be cited is decided by the query (`grace.domain.memory.places`), and once more by
    `grace.domain.memory.recall.recollect`, which makes the answer of what is found here.
    """

    async def similar(self, question: Question, limit: int = 20) -> Memories:
        """Return the likest missions, the likest first; MemoryUnavailable where nobody answers."""
        ...

    async def close(self) -> None: ...


class Embedder(Protocol):
    """Turn texts into vectors of one length; `model` names what does it.

    Vectors of another model are never compared. Raises MemoryUnavailable.
    """

    @property
    def model(self) -> str: ...

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]: ...
