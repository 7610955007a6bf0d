"""Search-based program repair for Python, without a network and without a model."""

from grace.repair.repairing import repair
from grace.repair.wanted import (
    NoPatch,
    Repaired,
    RepairError,
    RepairWanted,
    from_json,
    to_json,
)

__all__ = ["NoPatch", "RepairError", "RepairWanted", "Repaired", "from_json", "repair", "to_json"]
