"""What happened on an issue or pull request, in order."""

from dataclasses import dataclass
from typing import Any, Literal

from grace.localforge.core import Json
from grace.localforge.pages.visit import Visit
from grace.localforge.routes.comments import list_comments


@dataclass(frozen=True, slots=True)
class Entry:
    """A comment, a review or something done; `shape` is the API's, or the row of what was done."""

    kind: Literal["comment", "review", "done", "merged"]
    at: str
    order: int
    shape: Json


async def thread(visit: Visit, issue_id: int) -> list[Entry]:
    """Return comments and what was done, oldest first."""
    comments = await visit.ask_all(list_comments)
    entries = [Entry("comment", item["created_at"], item["id"], item) for item in comments]
    done = visit.core.db.all(
        "SELECT h.*, u.login FROM happenings h JOIN users u ON u.id=h.actor_id"
        " WHERE h.issue_id=? ORDER BY h.id",
        issue_id,
    )
    entries += [Entry("done", row["at"], row["id"], row) for row in done]
    return in_order(entries)


def in_order(entries: list[Entry]) -> list[Entry]:
    """Sort by time; moments are whole seconds, so what was made together stays in its order."""
    return sorted(entries, key=lambda entry: (entry.at, entry.order))


def all_labels(visit: Visit) -> list[dict[str, Any]]:
    """Return the labels of the repository by name."""
    return visit.core.db.all(
        "SELECT * FROM labels WHERE repository_id=? ORDER BY name", visit.repo["id"]
    )
