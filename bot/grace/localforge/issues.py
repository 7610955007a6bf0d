"""Rows of issues that more than one operation reads or changes."""

from typing import Final, Literal

from grace.localforge.core import Core
from grace.localforge.db import Row
from grace.localforge.errors import invalid

DEFAULT_COLOR: Final = "ededed"

Happening = Literal["labeled", "unlabeled", "closed", "reopened"]


def next_number(core: Core, repo: Row) -> int:
    """Take the next number, shared by issues and pull requests."""
    core.db.run("UPDATE repositories SET next_number=next_number+1 WHERE id=?", repo["id"])
    return int(core.db.get("repositories", repo["id"])["next_number"]) - 1


def find_issue(core: Core, repo: Row, number: int) -> Row | None:
    """Return the issue or pull request with this number."""
    return core.db.one(
        "SELECT * FROM issues WHERE repository_id=? AND number=?", repo["id"], number
    )


def label_ids(core: Core, repo: Row, names: list[str]) -> list[int]:
    """Return the ids of labels by name; a label that does not exist is made."""
    ids: list[int] = []
    for name in names:
        if not name:
            raise invalid("Label", "name", "missing_field")
        found = core.db.scalar(
            "SELECT id FROM labels WHERE repository_id=? AND name=?", repo["id"], name
        )
        if found is None:
            found = core.db.insert(
                "labels", repository_id=repo["id"], name=name, color=DEFAULT_COLOR
            )
        if found not in ids:
            ids.append(found)
    return ids


def assignee_ids(core: Core, repo: Row, logins: list[str]) -> list[int]:
    """Return the ids of those who may be assigned; strangers are left out, as GitHub does."""
    users = [core.user_named(login) for login in logins]
    return [user["id"] for user in users if user and core.role(repo, user) != "none"]


def set_state(core: Core, issue: Row, state: str, reason: str | None, sender: Row) -> Row:
    """Open or close an issue's row; the caller tells of it."""
    closed = state == "closed"
    if state != issue["state"]:
        happened(core, issue, "closed" if closed else "reopened", sender)
    return core.db.update(
        "issues",
        issue["id"],
        state=state,
        state_reason=reason,
        closed_at=core.now() if closed else None,
        closed_by=sender["id"] if closed else None,
        updated_at=core.now(),
    )


def happened(
    core: Core, issue: Row, kind: Happening, sender: Row, label: str | None = None
) -> None:
    """Keep who did what to an issue or pull request, for its timeline."""
    core.db.insert(
        "happenings",
        issue_id=issue["id"],
        actor_id=sender["id"],
        kind=kind,
        label=label,
        at=core.now(),
    )
