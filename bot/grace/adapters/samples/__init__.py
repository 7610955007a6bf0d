"""Samples, kept for a while."""

from grace.adapters.samples.memory import MemorySamples

__all__ = ["MemorySamples"]
