"""Run one command of strangers with bounds: what it sees, what it writes, how much it uses."""

from grace.sandbox.model import Bounds, Ended, SandboxError, SandboxMissing, Shown, Spec, Strength
from grace.sandbox.places import interpreter
from grace.sandbox.running import run, strength

__all__ = [
    "Bounds",
    "Ended",
    "SandboxError",
    "SandboxMissing",
    "Shown",
    "Spec",
    "Strength",
    "interpreter",
    "run",
    "strength",
]
