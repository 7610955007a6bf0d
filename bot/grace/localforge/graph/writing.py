"""The fields of Mutation."""

from grace.localforge.auth import can_push
from grace.localforge.changes import issue_event
from grace.localforge.commenting import add_comment, change_comment
from grace.localforge.core import has_role
from grace.localforge.db import Row
from grace.localforge.errors import forbidden, unprocessable
from grace.localforge.events import Act
from grace.localforge.graph.pulls import entry_node, pull_node
from grace.localforge.graph.reading import by_id, found_by_id
from grace.localforge.graph.threads import comment_node, issue_node
from grace.localforge.graph.viewing import Arguments, Node, Viewer
from grace.localforge.issues import set_state
from grace.localforge.pulls import pull_event
from grace.localforge.queueing import MergeQueue


def mutation_root(seen: Viewer) -> Node:
    """Return the fields of a mutation."""
    return {
        "enqueuePullRequest": lambda given: _enqueue(seen, given["input"]),
        "dequeuePullRequest": lambda given: _dequeue(seen, given["input"]),
        "markPullRequestReadyForReview": lambda given: _mark_ready(seen, given["input"]),
        "addComment": lambda given: _add_comment(seen, given["input"]),
        "updateIssueComment": lambda given: _update_comment(seen, given["input"]),
        "closeIssue": lambda given: _close_issue(seen, given["input"]),
    }


def _queue(seen: Viewer) -> MergeQueue:
    if seen.core.queue is None:
        raise unprocessable("This forge has no merge queue")
    return seen.core.queue


async def _enqueue(seen: Viewer, given: Arguments) -> Node:
    _, repo, pull = found_by_id(seen, given["pullRequestId"], "PullRequest")
    seen.need(repo, "contents:write", "write")
    expected = given.get("expectedHeadOid")
    entry = await _queue(seen).enqueue(repo, pull, seen.actor.person, expected)
    shape = None if entry is None else entry_node(seen, repo, entry)
    return {"clientMutationId": given.get("clientMutationId"), "mergeQueueEntry": shape}


async def _dequeue(seen: Viewer, given: Arguments) -> Node:
    _, repo, pull = found_by_id(seen, given["id"], "PullRequest")
    seen.need(repo, "contents:write", "write")
    entry = await _queue(seen).dequeue(repo, pull)
    shape = entry_node(seen, repo, entry)
    return {"clientMutationId": given.get("clientMutationId"), "mergeQueueEntry": shape}


async def _mark_ready(seen: Viewer, given: Arguments) -> Node:
    _, repo, pull = found_by_id(seen, given["pullRequestId"], "PullRequest")
    seen.need(repo, "pull_requests:write", "write")
    if pull["draft"]:
        pull = seen.core.db.update("pulls", pull["id"], draft=0)
        await pull_event(seen.core, repo, pull, Act("ready_for_review", seen.actor.person))
    shape = pull_node(seen, repo, pull)
    return {"clientMutationId": given.get("clientMutationId"), "pullRequest": shape}


def _text(given: Arguments) -> str:
    text = str(given["body"])
    if not text.strip():
        raise unprocessable("Body cannot be blank")
    return text


def _add_comment(seen: Viewer, given: Arguments) -> Node:
    kind, repo, row = found_by_id(seen, given["subjectId"], "Issue", "PullRequest")
    seen.need(repo, "issues:write|pull_requests:write")
    issue = row if kind == "Issue" else seen.core.db.get("issues", row["issue_id"])
    comment = add_comment(seen.core, repo, issue, seen.actor.person, _text(given))
    return {
        "clientMutationId": given.get("clientMutationId"),
        "commentEdge": {"cursor": given["subjectId"], "node": comment_node(seen, repo, comment)},
        "subject": lambda _: by_id(seen, given["subjectId"]),
    }


def _update_comment(seen: Viewer, given: Arguments) -> Node:
    _, repo, comment = found_by_id(seen, given["id"], "IssueComment")
    seen.need(repo, "issues:write|pull_requests:write")
    me = seen.actor.person
    if comment["user_id"] != me["id"] and not can_push(seen.core, seen.actor, repo):
        raise forbidden(f"{me['login']} does not have the correct permissions")
    comment = change_comment(seen.core, repo, comment, me, _text(given))
    shape = comment_node(seen, repo, comment)
    return {"clientMutationId": given.get("clientMutationId"), "issueComment": shape}


async def _close_issue(seen: Viewer, given: Arguments) -> Node:
    _, repo, issue = found_by_id(seen, given["issueId"], "Issue")
    seen.need(repo, "issues:write")
    if not _may_close(seen, repo, issue):
        raise forbidden("Must have triage rights to close another one's issue")
    if issue["state"] == "open":
        reason = str(given.get("stateReason") or "COMPLETED").lower()
        issue = set_state(seen.core, issue, "closed", reason, seen.actor.person)
        await issue_event(seen.core, repo, issue, Act("closed", seen.actor.person))
    shape = issue_node(seen, repo, issue)
    return {"clientMutationId": given.get("clientMutationId"), "issue": shape}


def _may_close(seen: Viewer, repo: Row, issue: Row) -> bool:
    me = seen.actor.person
    if seen.actor.kind == "installation" or issue["user_id"] == me["id"]:
        return True
    return has_role(seen.core.role(repo, me), "triage")
