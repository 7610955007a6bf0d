"""An embedding model that runs here: whatever `sentence-transformers` can load.

That package brings PyTorch, and is an extra that few need.
"""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from grace.ports.memory import MemoryUnavailable

_MISSING: Final = (
    "sentence-transformers is not installed: install grace-mission-control with its extra "
    "`embeddings`, or leave memory_model out"
)


class SentenceEmbedder:
    """`grace.ports.memory.Embedder` by a model's name, or the folder that it lies in."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._loaded: Any = None

    @property
    def model(self) -> str:
        return self._model

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Turn texts into vectors of length 1; the first call loads the model."""
        return await asyncio.to_thread(self._embed, list(texts))

    def _embed(self, texts: list[str]) -> Sequence[Sequence[float]]:
        if self._loaded is None:
            self._loaded = self._load()
        found = self._loaded.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        return [[float(value) for value in vector] for vector in found]

    def _load(self) -> Any:
        try:
            library = import_module("sentence_transformers")
        except ImportError as error:
            raise MemoryUnavailable(_MISSING) from error
        try:
            return library.SentenceTransformer(self._model)
        except (OSError, ValueError) as error:
            raise MemoryUnavailable(f"the model {self._model} cannot be loaded: {error}") from error
