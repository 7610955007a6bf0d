"""Reviews of pull requests."""

from typing import Final

from grace.localforge.api import Call, Need, Reply, Route
from grace.localforge.db import Row
from grace.localforge.errors import invalid, not_found, unprocessable
from grace.localforge.events import Act
from grace.localforge.pulls import review_event
from grace.localforge.routes.issues import text_of
from grace.localforge.routes.pulls import pull_of
from grace.localforge.routes.repos import R
from grace.localforge.shapes.pulls import review_json

STATES: Final = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


def _review(call: Call, pull: Row) -> Row:
    row = call.core.db.one(
        "SELECT * FROM reviews WHERE id=? AND pull_id=?", call.number("review"), pull["id"]
    )
    if row is None:
        raise not_found()
    return row


def _refuse_own(call: Call, pull: Row, event: str) -> None:
    author = call.core.db.get("issues", pull["issue_id"])["user_id"]
    if author != call.user["id"]:
        return
    if event == "APPROVE":
        raise unprocessable("Review Can not approve your own pull request")
    if event == "REQUEST_CHANGES":
        raise unprocessable("Review Can not request changes on your own pull request")


async def create_review(call: Call) -> Reply:
    """Review a pull request; without an event the review is pending. Nobody judges their own."""
    core, repo, pull, body = call.core, call.repo, pull_of(call), call.body("PullRequestReview")
    event = body.text("event", "PENDING")
    if event not in {*STATES, "PENDING"}:
        raise invalid("PullRequestReview", "event")
    _refuse_own(call, pull, event)
    text = text_of(body, "body") or ""
    if event in {"REQUEST_CHANGES", "COMMENT"} and not text:
        raise invalid("PullRequestReview", "body", "missing_field")
    commit = body.text("commit_id", pull["head_sha"])
    if await core.git(repo).kind(commit) != "commit":
        raise unprocessable("The commit_id is not part of the pull request")
    with core.db.transaction():
        number = core.db.insert(
            "reviews",
            pull_id=pull["id"],
            user_id=call.user["id"],
            state=STATES.get(event, "PENDING"),
            body=text,
            commit_id=commit,
            submitted_at=core.now(),
        )
        asked = [i for i in pull["reviewers_json"] if i != call.user["id"]]
        pull = core.db.update("pulls", pull["id"], reviewers_json=asked)
    review = core.db.get("reviews", number)
    if event in STATES:
        review_event(core, repo, pull, review, Act("submitted", call.user))
    return Reply(review_json(core, repo, pull, review))


async def submit_review(call: Call) -> Reply:
    """Submit one's own pending review."""
    core, pull, body = call.core, pull_of(call), call.body("PullRequestReview")
    review, event = _review(call, pull), body.choice("event", tuple(STATES))
    if review["user_id"] != call.user["id"] or review["state"] != "PENDING":
        raise unprocessable("Can not submit this review")
    _refuse_own(call, pull, event)
    changes = {"state": STATES[event], "submitted_at": core.now()}
    text = text_of(body, "body") or review["body"]
    review = core.db.update("reviews", review["id"], body=text, **changes)
    review_event(core, call.repo, pull, review, Act("submitted", call.user))
    return Reply(review_json(core, call.repo, pull, review))


async def list_reviews(call: Call) -> Reply:
    """List reviews, oldest first; pending ones are their author's alone."""
    pull, me = pull_of(call), call.actor.user
    rows = call.core.db.all("SELECT * FROM reviews WHERE pull_id=? ORDER BY id", pull["id"])
    rows = [r for r in rows if r["state"] != "PENDING" or (me and me["id"] == r["user_id"])]
    return call.page(rows, lambda row: review_json(call.core, call.repo, pull, row))


async def get_review(call: Call) -> Reply:
    """Return a review."""
    pull = pull_of(call)
    return Reply(review_json(call.core, call.repo, pull, _review(call, pull)))


async def edit_review(call: Call) -> Reply:
    """Change the text of one's own review."""
    core, pull, body = call.core, pull_of(call), call.body("PullRequestReview")
    review = _review(call, pull)
    if review["user_id"] != call.user["id"]:
        raise not_found()
    changes = {"changes": {"body": {"from": review["body"]}}}
    review = core.db.update("reviews", review["id"], body=text_of(body, "body") or "")
    review_event(core, call.repo, pull, review, Act("edited", call.user, changes))
    return Reply(review_json(core, call.repo, pull, review))


async def dismiss_review(call: Call) -> Reply:
    """Dismiss an approval or a request for changes."""
    core, pull = call.core, pull_of(call)
    call.body("PullRequestReview").text("message")
    review = _review(call, pull)
    if review["state"] not in {"APPROVED", "CHANGES_REQUESTED"}:
        raise unprocessable("Can not dismiss a commented pull request review")
    review = core.db.update("reviews", review["id"], state="DISMISSED")
    review_event(core, call.repo, pull, review, Act("dismissed", call.user))
    return Reply(review_json(core, call.repo, pull, review))


_READ: Final = Need("pull_requests:read")
_WRITE: Final = Need("pull_requests:write")
_REVIEWS: Final = f"{R}/pulls/{{number}}/reviews"
_ONE: Final = f"{_REVIEWS}/{{review}}"

ROUTES: Final = (
    Route("GET", _REVIEWS, list_reviews, _READ),
    Route("POST", _REVIEWS, create_review, _WRITE),
    Route("GET", _ONE, get_review, _READ),
    Route("PUT", _ONE, edit_review, _WRITE),
    Route("POST", f"{_ONE}/events", submit_review, _WRITE),
    Route("PUT", f"{_ONE}/dismissals", dismiss_review, Need("pull_requests:write", "write")),
)
