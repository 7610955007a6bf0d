"""Pages of pull requests: lists, and one with its commits, diff, checks, reviews and comments."""

import asyncio
from typing import Final

from aiohttp import web

from grace.localforge.core import Json
from grace.localforge.pages.checks import checks_of
from grace.localforge.pages.threads import Entry, all_labels, in_order, thread
from grace.localforge.pages.visit import PageRoute, R, Visit
from grace.localforge.routes.comments import create_comment
from grace.localforge.routes.issues import get_issue
from grace.localforge.routes.pulls import (
    create_pull,
    edit_pull,
    get_pull,
    list_commits,
    list_files,
    list_pulls,
    merge,
    update,
)
from grace.localforge.routes.reviews import create_review, list_reviews


async def show_list(visit: Visit) -> web.StreamResponse:
    """List pull requests by state, newest first."""
    state = visit.query("state", "open")
    pulls = await visit.ask_all(list_pulls, _state=state)
    return visit.page("pulls.html", repo=visit.repo, pulls=pulls, state=state)


async def _pull(visit: Visit) -> Json:
    """Return a pull request, whether it merges computed: the first read only asks for that."""
    pull: Json = await visit.ask(get_pull)
    name = f"mergeability of #{pull['number']}"
    tasks = [task for task in visit.core.tasks if task.get_name() == name]
    if not tasks:
        return pull
    await asyncio.wait(tasks)
    again: Json = await visit.ask(get_pull)
    return again


async def show_pull(visit: Visit) -> web.StreamResponse:
    """Show a pull request with all that a reviewer needs, on one page."""
    pull = await _pull(visit)
    issue = await visit.ask(get_issue)
    reviews = await visit.ask_all(list_reviews)
    entries = await thread(visit, issue["id"])
    entries += [Entry("review", item["submitted_at"], item["id"], item) for item in reviews]
    if pull["merged"]:
        entries.append(Entry("merged", pull["merged_at"], 0, pull))
    settings = visit.repo["settings_json"]
    methods = [
        (method, words)
        for method, words, setting in (
            ("merge", "a merge commit", "allow_merge_commit"),
            ("squash", "one squashed commit", "allow_squash_merge"),
            ("rebase", "its commits rebased", "allow_rebase_merge"),
        )
        if settings[setting]
    ]
    user = visit.user
    mine = user is not None and pull["user"]["id"] == user["id"]
    return visit.page(
        "pull.html",
        repo=visit.repo,
        pull=pull,
        thread=in_order(entries),
        commits=await visit.ask_all(list_commits),
        files=await visit.ask_all(list_files),
        checks=await checks_of(visit, pull["head"]["sha"]),
        labels=all_labels(visit),
        methods=methods,
        mine=mine,
        may_merge=visit.may("write"),
        may_edit=mine or visit.may("write"),
        may_label=visit.may("triage"),
    )


async def comment(visit: Visit) -> web.StreamResponse:
    """Comment, and close or reopen when that button was pressed."""
    text, state = visit.value("body"), visit.value("state")
    anchor = ""
    if text.strip() or not state:
        made = await visit.ask(create_comment, {"body": text})
        anchor = f"#issuecomment-{made['id']}"
    if state:
        await visit.ask(edit_pull, {"state": state})
    return _back(visit, anchor)


async def review(visit: Visit) -> web.StreamResponse:
    """Approve, ask for changes or remark, on the head that the reviewer saw."""
    body: Json = {"event": visit.value("event"), "body": visit.value("body")}
    if commit := visit.value("commit"):
        body["commit_id"] = commit
    made = await visit.ask(create_review, body)
    return _back(visit, f"#pullrequestreview-{made['id']}")


async def press_merge(visit: Visit) -> web.StreamResponse:
    """Merge the head that the person saw."""
    await visit.ask(merge, {"merge_method": visit.value("method"), "sha": visit.value("commit")})
    return _back(visit)


async def press_update(visit: Visit) -> web.StreamResponse:
    """Merge the base into the head that the person saw."""
    await visit.ask(update, {"expected_head_sha": visit.value("commit")})
    return _back(visit)


async def create(visit: Visit) -> web.StreamResponse:
    """Open a pull request of a branch into the default branch."""
    names = ("head", "title", "body")
    body: Json = {name: visit.value(name) for name in names}
    made = await visit.ask(create_pull, {**body, "base": visit.repo["default_branch"]})
    return visit.see(visit.below(f"/pull/{made['number']}"))


def _back(visit: Visit, anchor: str = "") -> web.Response:
    return visit.see(visit.below(f"/pull/{visit.param('number')}{anchor}"))


_PULL: Final = f"{R}/pull/{{number}}"

ROUTES: Final = (
    PageRoute("GET", f"{R}/pulls", show_list),
    PageRoute("POST", f"{R}/pulls", create),
    PageRoute("GET", _PULL, show_pull),
    PageRoute("POST", f"{_PULL}/comments", comment),
    PageRoute("POST", f"{_PULL}/reviews", review),
    PageRoute("POST", f"{_PULL}/merge", press_merge),
    PageRoute("POST", f"{_PULL}/update", press_update),
)
