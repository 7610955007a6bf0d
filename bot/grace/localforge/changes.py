"""Changes to issues that are told to webhooks: labels, state, closing keywords."""

import re
from typing import Final

from grace.localforge.core import Core
from grace.localforge.db import Row
from grace.localforge.events import Act, Event, emit
from grace.localforge.issues import Happening, find_issue, happened, set_state
from grace.localforge.pulls import pull_event
from grace.localforge.shapes.issues import issue_json, label_json

CLOSING: Final = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?P<repo>[\w.-]+/[\w.-]+)?#(?P<number>\d{1,9})\b",
    re.IGNORECASE,
)


async def issue_event(core: Core, repo: Row, issue: Row, act: Act) -> None:
    """Tell of a change to an issue, or to a pull request by its own event."""
    if issue["is_pull"]:
        pull = core.db.one("SELECT * FROM pulls WHERE issue_id=?", issue["id"])
        if pull is not None:
            await pull_event(core, repo, pull, act)
        return
    body = {"issue": issue_json(core, repo, issue), **act.extra}
    emit(core, Event("issues", act.sender, repo, act.action, body))


async def set_labels(core: Core, repo: Row, issue: Row, ids: list[int], sender: Row) -> Row:
    """Give an issue exactly these labels and tell of each that came or went."""
    before = issue["labels_json"]
    if ids == before:
        return issue
    issue = core.db.update("issues", issue["id"], labels_json=ids, updated_at=core.now())
    changes: list[tuple[Happening, int]] = [("unlabeled", i) for i in before if i not in ids]
    changes += [("labeled", i) for i in ids if i not in before]
    for action, label_id in changes:
        label = core.db.get("labels", label_id)
        happened(core, issue, action, sender, label["name"])
        told = {"label": label_json(core, repo, label)}
        await issue_event(core, repo, issue, Act(action, sender, told))
    return issue


async def close_mentioned(core: Core, repo: Row, text: str, sender: Row) -> None:
    """Close the open issues that a text names with a closing keyword."""
    own = f"{repo['owner']}/{repo['name']}".lower()
    for match in CLOSING.finditer(text):
        if match["repo"] and match["repo"].lower() != own:
            continue
        issue = find_issue(core, repo, int(match["number"]))
        if issue is not None and issue["state"] == "open" and not issue["is_pull"]:
            issue = set_state(core, issue, "closed", "completed", sender)
            await issue_event(core, repo, issue, Act("closed", sender))
