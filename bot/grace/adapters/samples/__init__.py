"""Samples, kept for a while."""

from grace.adapters.samples.store import Keeping, SqliteSamples

__all__ = ["Keeping", "SqliteSamples"]
