"""How many examples a property is tried on: few, the same each time, or all in the stress runs."""

import os

FEW = 3  # times fewer than in the stress runs


def examples(number: int) -> int:
    """Return how many examples are tried now, of `number` in the stress runs."""
    return number if os.environ.get("HYPOTHESIS_PROFILE") == "new" else max(10, number // FEW)
