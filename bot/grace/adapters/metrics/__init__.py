"""Where samples come from: pages, queries, documents, databases, the machine and the forge."""

from grace.adapters.metrics.fetching import Limits
from grace.adapters.metrics.forge import ForgeSide
from grace.adapters.metrics.sources import Sources

__all__ = ["ForgeSide", "Limits", "Sources"]
