"""Runs real workflow files through `act`, without Docker, for the local forge."""

from grace.localforge.runner.act import ActRunner

__all__ = ["ActRunner"]
