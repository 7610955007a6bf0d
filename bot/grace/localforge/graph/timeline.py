"""What happened to an issue or pull request: labels that came and went, closings."""

from typing import Any, Final

from grace.localforge.core import node_id
from grace.localforge.db import Row
from grace.localforge.graph.viewing import Arguments, Field, Node, Viewer, actor_node, connection
from grace.localforge.issues import Happening

_TYPES: Final[dict[str, Happening]] = {
    "LABELED_EVENT": "labeled",
    "UNLABELED_EVENT": "unlabeled",
    "CLOSED_EVENT": "closed",
    "REOPENED_EVENT": "reopened",
}


def timeline(seen: Viewer, issue: Row) -> Field:
    """Return the events of an issue or pull request, oldest first; `itemTypes` chooses."""

    def resolve(arguments: Arguments) -> Any:
        asked = arguments.get("itemTypes") or list(_TYPES)
        kinds = {_TYPES[name] for name in asked}
        rows = seen.core.db.all(
            "SELECT * FROM happenings WHERE issue_id=? ORDER BY id", issue["id"]
        )
        chosen = [row for row in rows if row["kind"] in kinds]
        return connection("timelineItems", lambda: chosen, lambda row: _event(seen, issue, row))(
            arguments
        )

    return resolve


def _event(seen: Viewer, issue: Row, row: Row) -> Node:
    kind = f"{row['kind'].capitalize()}Event"
    return {
        "__typename": kind,
        "id": node_id(kind, row["id"]),
        "actor": actor_node(seen.core, row["actor_id"]),
        "createdAt": row["at"],
        "label": _label(seen, issue, row["label"]),
    }


def _label(seen: Viewer, issue: Row, name: str | None) -> Node | None:
    if name is None:
        return None
    sql = "SELECT * FROM labels WHERE repository_id=? AND name=?"
    label = seen.core.db.one(sql, issue["repository_id"], name)
    return {
        "__typename": "Label",
        "id": node_id("Label", 0 if label is None else label["id"]),
        "name": name,
        "color": "ededed" if label is None else label["color"],
        "description": None if label is None else label["description"],
    }
