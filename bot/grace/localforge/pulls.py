"""What happens to pull requests: their events, their heads, whether they merge."""

from dataclasses import dataclass

from grace.localforge.core import Core, has_role
from grace.localforge.db import Row
from grace.localforge.events import Act, Event, emit, payload
from grace.localforge.gitmerge import Conflict, merge_tree
from grace.localforge.issues import set_state
from grace.localforge.protection import Protection, protection_of, unmet_checks, unmet_reviews
from grace.localforge.shapes.people import identity, web_flow
from grace.localforge.shapes.pulls import pull_json, review_json, simple_pull_json

STARTS_WORKFLOWS = {"opened", "synchronize", "reopened"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What keeps a pull request from merging: sentences about reviews, checks and its base."""

    protection: Protection | None
    problems: tuple[str, ...]
    behind: bool


def open_pulls(core: Core, where: str, *args: object) -> list[Row]:
    """Return open pull requests; `where` is a condition on their columns."""
    return core.db.all(
        "SELECT p.* FROM pulls p JOIN issues i ON i.id=p.issue_id"  # noqa: S608 - our own conditions
        f" WHERE i.state='open' AND {where} ORDER BY p.id",
        *args,
    )


def head_repository(core: Core, pull: Row) -> Row | None:
    """Return the repository of a head branch, None when it is deleted."""
    return core.db.one("SELECT * FROM repositories WHERE id=?", pull["head_repository_id"])


async def pull_event(core: Core, repo: Row, pull: Row, act: Act) -> None:
    """Tell of a change to a pull request, and start workflows where it has a new head."""
    shape = await pull_json(core, repo, pull, (None, "unknown"))
    body = {"number": pull["number"], "pull_request": shape, **act.extra}
    event = Event("pull_request", act.sender, repo, act.action, body)
    emit(core, event)
    if core.queue is not None:
        core.queue.changed(repo, pull, act.action)
    if act.action in STARTS_WORKFLOWS and core.actions is not None:
        core.spawn(
            core.actions.pull_request(repo, pull, payload(core, event), act.sender),
            f"workflows of #{pull['number']}",
        )


async def base_tip(core: Core, repo: Row, pull: Row) -> str | None:
    """Return the tip of the base branch, None when it is deleted."""
    return await core.git(repo).ref(f"refs/heads/{pull['base_ref']}")


async def standing(core: Core, repo: Row, pull: Row, tip: str) -> Standing:
    """Judge a pull request by the protection of its base."""
    protection = protection_of(core, repo, pull["base_ref"])
    behind = not await core.git(repo).is_ancestor(tip, pull["head_sha"])
    if protection is None:
        return Standing(None, (), behind)
    problems = unmet_reviews(core, repo, pull, protection)
    problems += unmet_checks(core, repo, pull["head_sha"], protection)
    return Standing(protection, tuple(problems), behind)


async def mergeability(core: Core, repo: Row, pull: Row) -> tuple[bool | None, str]:
    """Return (mergeable, mergeable_state). The first read after a change starts the computation."""
    issue = core.db.get("issues", pull["issue_id"])
    tip = await base_tip(core, repo, pull)
    if pull["merged"] or issue["state"] == "closed" or tip is None:
        return None, "unknown"
    if pull["mergeable_key"] != f"{tip}:{pull['head_sha']}":
        core.spawn(_compute(core, repo, pull, tip), f"mergeability of #{pull['number']}")
        return None, "unknown"
    if not pull["mergeable"]:
        return False, "dirty"
    if pull["draft"]:
        return True, "draft"
    found = await standing(core, repo, pull, tip)
    if found.problems:
        return True, "blocked"
    if found.behind and found.protection is not None and found.protection.strict:
        return True, "behind"
    return True, _unstable_or_clean(core, repo, pull)


def _unstable_or_clean(core: Core, repo: Row, pull: Row) -> str:
    bad = core.db.one(
        "SELECT 1 FROM check_runs WHERE repository_id=? AND head_sha=? AND id IN"
        " (SELECT max(id) FROM check_runs WHERE repository_id=? GROUP BY head_sha, name, app_id)"
        " AND coalesce(conclusion, 'pending') NOT IN ('success','neutral','skipped')",
        repo["id"],
        pull["head_sha"],
        repo["id"],
    )
    return "unstable" if bad else "clean"


async def _compute(core: Core, repo: Row, pull: Row, tip: str) -> None:
    sha = await refresh_merge_ref(core, repo, pull, tip)
    core.db.run(
        "UPDATE pulls SET mergeable=?, mergeable_key=?, merge_sha=? WHERE id=? AND head_sha=?"
        " AND merged=0",
        sha is not None,
        f"{tip}:{pull['head_sha']}",
        sha,
        pull["id"],
        pull["head_sha"],
    )


async def refresh_merge_ref(core: Core, repo: Row, pull: Row, tip: str) -> str | None:
    """Write the test merge of a pull request to refs/pull/N/merge; None when it conflicts."""
    git, name = core.git(repo), f"refs/pull/{pull['number']}/merge"
    tree = await merge_tree(git, tip, pull["head_sha"])
    if isinstance(tree, Conflict):
        await git.delete_ref(name)
        return None
    author = core.user(core.db.get("issues", pull["issue_id"])["user_id"])
    people = (identity(core, author), web_flow(core))
    message = f"Merge {pull['head_sha']} into {tip}"
    sha = await git.write_commit(tree, [tip, pull["head_sha"]], message, people)
    await git.run("update-ref", name, sha)
    return sha


async def import_head(core: Core, repo: Row, pull: Row) -> None:
    """Point refs/pull/N/head at the head commit, fetched first when it lies in a fork."""
    name, sha = f"refs/pull/{pull['number']}/head", pull["head_sha"]
    head_repo = head_repository(core, pull)
    if head_repo is not None and head_repo["id"] != repo["id"]:
        source = str(core.bare(head_repo))
        await core.git(repo).run("fetch", "-q", "--no-tags", source, f"+{sha}:{name}")
    else:
        await core.git(repo).run("update-ref", name, sha)


async def head_moved(core: Core, repo: Row, pull: Row, after: str, sender: Row) -> None:
    """Follow a push to the head of an open pull request."""
    before = pull["head_sha"]
    tip = await base_tip(core, repo, pull)
    pull = core.db.update("pulls", pull["id"], head_sha=after, base_sha=tip or pull["base_sha"])
    core.db.update("issues", pull["issue_id"], updated_at=core.now())
    await import_head(core, repo, pull)
    protection = protection_of(core, repo, pull["base_ref"])
    if protection is not None and protection.dismiss_stale:
        _dismiss_stale(core, repo, pull, sender)
    extra = {"before": before, "after": after}
    await pull_event(core, repo, pull, Act("synchronize", sender, extra))


def _dismiss_stale(core: Core, repo: Row, pull: Row, sender: Row) -> None:
    for review in core.db.all(
        "SELECT * FROM reviews WHERE pull_id=? AND state='APPROVED' ORDER BY id", pull["id"]
    ):
        row = core.db.update("reviews", review["id"], state="DISMISSED")
        review_event(core, repo, pull, row, Act("dismissed", sender))


def review_event(core: Core, repo: Row, pull: Row, review: Row, act: Act) -> None:
    """Tell of a review. Webhooks write its state in lower case."""
    shape = review_json(core, repo, pull, review)
    body = {
        "review": {**shape, "state": shape["state"].lower(), "updated_at": core.now()},
        "pull_request": simple_pull_json(core, repo, pull),
    }
    emit(core, Event("pull_request_review", act.sender, repo, act.action, body))


async def close_pull(core: Core, repo: Row, pull: Row, sender: Row) -> None:
    """Close a pull request that was not merged."""
    set_state(core, core.db.get("issues", pull["issue_id"]), "closed", None, sender)
    await pull_event(core, repo, pull, Act("closed", sender))


def may_bypass(core: Core, repo: Row, user: Row, protection: Protection) -> bool:
    """Tell whether a person may go around a protection that spares admins."""
    role = core.role(repo, user) if user["type"] == "User" else "none"
    return not protection.enforce_admins and has_role(role, "admin")
