"""Memory is a fold of the ledger: what each kind of entry does to what is remembered."""

from collections.abc import Mapping
from typing import Any, Final

from grace.domain.memory import remembered as what
from grace.domain.memory.remembered import Remembered

REMEMBERED: Final = "mission.remembered"
_INEFFECTIVE: Final = "mission.ineffective"
_CAPA_FILED: Final = "mission.capa_filed"
_CAPA_CLOSED: Final = "mission.capa_closed"
_CAPA_REOPENED: Final = "mission.capa_reopened"
LESSON_KEPT: Final = "mission.lesson_kept"
FORGOTTEN: Final = "mission.forgotten"
KINDS: Final = (
    REMEMBERED,
    _INEFFECTIVE,
    _CAPA_FILED,
    _CAPA_CLOSED,
    _CAPA_REOPENED,
    LESSON_KEPT,
    FORGOTTEN,
)


def payload_of(found: Remembered) -> dict[str, object]:
    """Write what a mission leaves as the payload of its ledger entry."""
    return {"memory": found.model_dump(mode="json", exclude={"entry"}, exclude_none=True)}


def first(payload: Mapping[str, Any], entry: int) -> Remembered:
    """Read what an entry says, by its number; ValidationError where it is not what was written."""
    return Remembered.model_validate({**payload["memory"], "entry": entry})


def folded(found: Remembered, kind: str, payload: Mapping[str, Any], actor: str) -> Remembered:
    """Do to a memory what a later entry of its mission says."""
    match kind:
        case "mission.ineffective":
            return what.came_back(found, str(payload["by"]))
        case "mission.capa_filed" | "mission.capa_reopened":
            return what.with_capa(found, int(payload["number"]), is_open=True)
        case "mission.capa_closed":
            return what.with_capa(found, int(payload["number"]), is_open=False)
        case "mission.lesson_kept":
            return what.lesson_kept(found, actor)
        case "mission.forgotten":
            return what.forgotten(found, actor)
        case _:
            return found
