"""What a check run is sent as: state, output, remarks on lines, buttons."""

from typing import Final

from grace.domain.effects import Button
from grace.ports import CheckDraft

_MAX_SUMMARY: Final = 65_535
_MAX_ANNOTATIONS: Final = 50
_CUT: Final = "\n\n(cut here: GitHub shows no more)"
# GitHub takes 20 characters of a label and 40 of a description.
_BUTTONS: Final[dict[Button, tuple[str, str]]] = {
    "approve": ("Approve", "Approve this head, as a review does"),
    "retry": ("Retry", "Make the patch again and test it again"),
    "rollback": ("Roll back", "Undo this merge now"),
}


def check_fields(draft: CheckDraft) -> dict[str, object]:
    """Return the body of a request that creates or updates a check run, without its commit."""
    at = draft.at.isoformat()
    output: dict[str, object] = {"title": draft.title, "summary": cut(draft.summary)}
    if draft.annotations:
        output["annotations"] = [
            {
                "path": note.path,
                "start_line": note.line,
                "end_line": note.line,
                "annotation_level": note.level,
                "title": note.title,
                "message": note.message,
            }
            for note in draft.annotations[:_MAX_ANNOTATIONS]
        ]
    fields: dict[str, object] = {
        "name": draft.name,
        "external_id": draft.external_id,
        "output": output,
        "actions": [
            {"identifier": name, "label": _BUTTONS[name][0], "description": _BUTTONS[name][1]}
            for name in draft.buttons
        ],
    }
    if draft.conclusion is None:
        return fields | {"status": "in_progress", "started_at": at}
    return fields | {"status": "completed", "conclusion": draft.conclusion, "completed_at": at}


def cut(text: str) -> str:
    """Cut what GitHub would refuse as too long."""
    return text if len(text) <= _MAX_SUMMARY else text[: _MAX_SUMMARY - len(_CUT)] + _CUT
