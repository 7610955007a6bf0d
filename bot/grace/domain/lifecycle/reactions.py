"""What each event changes in a mission, before the mission is carried on from what is known.

`HEARD` and `IGNORED` together name every pair of phase and event. An event that is ignored in a
phase changes no decision there; the facts keep what it says while the mission lives.
"""

from hashlib import sha256
from typing import assert_never

from grace.domain import contract, messages
from grace.domain import events as ev
from grace.domain.effects import PublishLedger, ReadPermission
from grace.domain.lifecycle.commands import COMMANDS, obey
from grace.domain.lifecycle.draft import Draft
from grace.domain.mission import Landing, PendingCommand, PullRef, Revert, Window
from grace.domain.phase import FORWARD, WAITING_ROOM, Outcome, Phase

ALL = frozenset(Phase)
LIVE = ALL - {Phase.CLOSED}
AT_WORK = frozenset({Phase.PLANNING, Phase.PATCHING, Phase.TESTING, Phase.GATING})
OPEN_PULL = frozenset({Phase.TESTING, Phase.GATING, Phase.MERGING})
# Bounds on what strangers can make her do for one mission.
MAX_REVISIONS = 100
MAX_ERRORS = 20
MAX_COMMANDS = 10
# A comment that cannot be written does not keep a regression in production.
REVERT_NEEDS = frozenset({"push_revert", "open_pull", "merge_pull", "file_issue"})


def issue_seen(draft: Draft, event: ev.IssueSeen) -> None:
    """Read the contract: before the start it replaces the old one, later it waits for a start."""
    mission = draft.mission
    digest = sha256(event.body.encode()).hexdigest()
    if event.sender.login == draft.policy.bot_login or digest == mission.body_digest:
        return
    if mission.body_at is not None and event.updated_at < mission.body_at:
        return
    if mission.revisions >= MAX_REVISIONS:
        draft.hold(messages.TOO_MANY_EDITS)
        return
    editor = event.sender
    bot = draft.policy.bot_login
    authors = {*mission.authors, event.author.login, editor.login} - {bot}
    draft.set(
        body_digest=digest,
        body_at=event.updated_at,
        revisions=mission.revisions + 1,
        authors=tuple(sorted(authors)),
        title=event.title,
        requester=event.author,
        issue=event.number,
    )
    if event.author.login != bot:
        ask_permission(draft, "filed", event.author.login)
    if editor.login != event.author.login:
        ask_permission(draft, "edited", editor.login)
    try:
        request = contract.parse(event.body, draft.policy, mission.ref)
    except contract.ContractError as error:
        draft.set(errors=error.errors, proposed=None)
        errors = [e.model_dump() for e in error.errors[:MAX_ERRORS]]
        draft.note("invalid", editor.login, errors=errors, count=len(error.errors))
        if mission.phase in WAITING_ROOM and mission.phase is not Phase.INVALID:
            draft.move(Phase.INVALID, "the contract does not parse")
        return
    draft.set(errors=())
    draft.note("filed", editor.login, contract_hash=contract.contract_hash(request))
    if mission.phase in AT_WORK:
        same = contract.contract_hash(request) == mission.contract_hash
        draft.set(proposed=None if same else request)
        return
    draft.set(request=request)
    if mission.phase is not Phase.AWAITING_START:
        draft.move(Phase.AWAITING_START, "the contract is valid")


def ask_permission(draft: Draft, deed: str, login: str) -> None:
    """Ask what the person may do who filed or edited the body as it is now."""
    about = draft.mission.body_digest[:16]
    draft.ask(
        ReadPermission(key=f"permission/{deed}/{about}", login=login, about=f"{deed}:{about}")
    )


def issue_closed(draft: Draft, event: ev.IssueClosed) -> None:
    """Cancel before the start; afterwards only somebody with write permission cancels so."""
    login = event.sender.login
    if login == draft.policy.bot_login:
        return
    if draft.mission.phase in WAITING_ROOM:
        draft.close(Outcome.CANCELLED, messages.issue_closed_by(login))
        return
    command = ev.CommandGiven(id=f"close-{event.number}-{login}", name="cancel", actor=event.sender)
    command_given(draft, command)


def command_given(draft: Draft, event: ev.CommandGiven) -> None:
    """Ask what the commander may do; the command is obeyed when the answer is here."""
    if event.name not in COMMANDS:
        return
    about = f"command:{event.id}"
    key = f"permission/{about}"
    waiting = draft.mission.commands
    if key not in draft.mission.requested and len(waiting) < MAX_COMMANDS:
        pending = PendingCommand(given=event, body_digest=draft.mission.body_digest)
        draft.set(commands=(*waiting, pending))
        draft.ask(ReadPermission(key=key, login=event.actor.login, about=about))


def permission_read(draft: Draft, _event: ev.PermissionRead) -> None:
    """Obey the commands whose commander is known now."""
    waiting = draft.mission.commands
    known = [c for c in waiting if draft.facts.permission(f"command:{c.given.id}") is not None]
    draft.set(commands=tuple(c for c in waiting if c not in known))
    for command in known:
        obey(draft, command)


def alert_seen(draft: Draft, event: ev.AlertSeen) -> None:
    """Take the alert's request as the contract, or remember that the alert was resolved."""
    mission = draft.mission
    if mission.phase is Phase.FILED and event.status == "firing":
        draft.set(request=event.request, title=event.title, alert=event.fingerprint)
        draft.note(
            "filed",
            event.source,
            fingerprint=event.fingerprint,
            contract_hash=contract.contract_hash(event.request),
        )
        draft.move(Phase.AWAITING_START, "filed by an alert")
        return
    draft.note(f"alert_{event.status}", event.source, fingerprint=event.fingerprint)
    if mission.issue is None and mission.held is not None:
        draft.set(held=None, round=mission.round + 1)


def pull_seen(draft: Draft, event: ev.PullSeen) -> None:
    """Notice a closed or reopened pull request, and commits that are not ours."""
    mission, login = draft.mission, event.sender.login
    ours = (
        mission.revert.pull if mission.phase is Phase.REVERTING and mission.revert else mission.pull
    )
    if ours is None or ours.number != event.number:
        return
    newest = draft.facts.pulls[event.number]
    if newest.merged or newest.at > event.at or mission.phase is Phase.REVERTING:
        return
    closed = messages.pull_closed(event.number)
    if event.state == "closed" and mission.held is None:
        draft.hold(messages.pull_closed_by(event.number, login))
    elif event.state == "open" and mission.held is not None and mission.held.startswith(closed):
        draft.set(held=None)
    heads = {a.head for a in mission.attempts}
    if event.head_sha not in heads and login != draft.policy.bot_login:
        draft.hold(messages.foreign_commits(login, event.head_sha))


def change_read(draft: Draft, event: ev.ChangeRead) -> None:
    """React to each thing that the read found, as if a webhook had told it."""
    pull_seen(draft, event.pull)
    for review in event.reviews:
        review_seen(draft, review)


def review_seen(draft: Draft, event: ev.ReviewSeen) -> None:
    """Ask what the reviewer may do: a review counts by permission, not by its colour."""
    if event.state in {ev.ReviewState.APPROVED, ev.ReviewState.CHANGES_REQUESTED}:
        about = f"review:{event.id}"
        login = event.actor.login
        key = f"permission/{about}"
        if key not in draft.mission.requested:
            draft.ask(ReadPermission(key=key, login=login, about=about))
            draft.note("reviewed", login, state=event.state.value, sha=event.sha)


def results_reported(draft: Draft, event: ev.ResultsReported) -> None:
    """Remember what CI reported, bound to run, head, base and tree."""
    report = event.report
    draft.note(
        "tests_reported",
        "ci",
        run_id=report.run_id,
        run_attempt=report.run_attempt,
        workflow=report.workflow,
        head_sha=report.head_sha,
        base_sha=report.base_sha,
        tree=report.tree,
        suites=[
            {"suite": s.suite, "passed": s.passed, "failed": s.failed, "skipped": s.skipped}
            for s in report.suites
        ],
        stress=[s.model_dump(mode="json") for s in report.stress],
    )


def base_pushed(draft: Draft, event: ev.BasePushed) -> None:
    """Read the tip again when the base moved under a patch."""
    if draft.mission.phase in {Phase.TESTING, Phase.GATING} and draft.facts.base is None:
        draft.note("base_moved", branch=event.branch, sha=event.sha)


def base_read(draft: Draft, _event: ev.BaseRead) -> None:
    """The answer is in the facts, unless the base was seen to move after it was asked for."""
    hint, asked, base = draft.facts.base_hint, draft.mission.base_asked_at, draft.facts.base
    draft.set(base_asked_at=None)
    if hint is None or asked is None or base is None or hint.branch != base.branch:
        return
    if hint.at > asked and hint.sha != base.sha:
        draft.facts = draft.facts.model_copy(update={"base": None})


def branch_pushed(draft: Draft, event: ev.BranchPushed) -> None:
    """Record what was pushed; CI starts by itself. An older attempt's push counts too."""
    draft.set(remote_head=event.head)
    attempt = draft.mission.attempt
    if attempt is None or attempt.number != event.attempt:
        return
    draft.set_attempt(
        base=event.base,
        head=event.head,
        tree=event.tree,
        paths=event.paths,
        blobs=event.blobs,
        pushed_at=draft.now,
    )
    draft.note(
        "branch_pushed",
        attempt=event.attempt,
        candidate=attempt.candidate,
        head=event.head,
        base=event.base,
        tree=event.tree,
        paths=list(event.paths),
    )


def patch_refused(draft: Draft, event: ev.PatchRefused) -> None:
    """A patch that does not apply, or is out of bounds, is a failed attempt."""
    attempt = draft.mission.attempt
    if attempt is not None and attempt.number == event.attempt:
        draft.set_attempt(failure=event.reason)
        draft.note("attempt_failed", attempt=event.attempt, reason=event.reason)


def pull_opened(draft: Draft, event: ev.PullOpened) -> None:
    """Record the pull request."""
    pull = PullRef(number=event.number, url=event.url)
    if event.purpose == "work":
        draft.set(pull=pull)
    elif draft.mission.revert is not None:
        draft.set(revert=draft.mission.revert.model_copy(update={"pull": pull}))
    draft.note("pull_opened", purpose=event.purpose, number=event.number, head=event.head)


def published(draft: Draft, event: ev.Published) -> None:
    """Remember where a comment or check is, so that it is edited in place."""
    ids = {**draft.mission.surface_ids, event.surface: event.id}
    draft.set(surface_ids=ids)


def merged(draft: Draft, event: ev.Merged) -> None:
    """Record a landing: ours, or the one that a person made of our pull request."""
    mission = draft.mission
    landing = Landing(sha=event.sha, tree=event.tree, at=event.at)
    if event.purpose == "revert":
        if mission.revert is not None and mission.revert.landed is None:
            update = {"landed": landing, "restored": event.restored}
            draft.set(revert=mission.revert.model_copy(update=update))
            draft.note("reverted", merge_sha=event.sha, tree=event.tree)
        return
    if mission.phase not in OPEN_PULL:
        return
    if mission.phase is not Phase.MERGING:
        if mission.phase is Phase.TESTING:
            draft.move(Phase.GATING, "a person merged the pull request")
        draft.move(Phase.MERGING, "a person merged the pull request")
    draft.set(landing=landing, window=Window(), forge_says="", held=None)
    draft.note("merged", merge_sha=event.sha, tree=event.tree)
    draft.ask(PublishLedger(key="ledger/merged", slot="ledger"))
    tested = mission.attempt.tree if mission.attempt else None
    if event.tree == tested:
        draft.move(Phase.OBSERVING, "landed exactly the tested tree")
    else:
        reason = messages.tree_differs(event.tree, tested)
        draft.set(revert=Revert(reason=reason))
        draft.move(Phase.REVERTING, reason)


def merge_refused(draft: Draft, event: ev.MergeRefused) -> None:
    """Evaluate again; a head that moved voids the approvals and needs a person."""
    reverting = draft.mission.phase is Phase.REVERTING
    if reverting != (event.purpose == "revert"):
        return  # a late word about a merge that is history
    draft.note("merge_refused", "forge", refusal=event.refusal.value, reason=event.reason)
    if reverting:
        draft.set(forge_says=event.reason, merge_after=None)
        return
    draft.move(Phase.GATING, event.reason)
    match event.refusal:
        case ev.MergeRefusal.BASE_MOVED:
            draft.facts = draft.facts.model_copy(update={"base": None})
            evaluate_again(draft, event.reason)
        case ev.MergeRefusal.HEAD_MOVED | ev.MergeRefusal.CLOSED:
            draft.hold(messages.merge_refused(event.reason))
        case ev.MergeRefusal.WITHDRAWN:
            evaluate_again(draft, event.reason)
        case ev.MergeRefusal.NOT_ALLOWED:
            draft.set(forge_says=event.reason)
        case _ as never:
            assert_never(never)


def evaluate_again(draft: Draft, reason: str) -> None:
    """Ask the gates again: the first time at once, after that with growing patience."""
    if draft.mission.merge_refusals:
        draft.set(forge_says=reason)
    else:
        draft.set(merge_refusals=1)


def metrics_sampled(draft: Draft, event: ev.MetricsSampled) -> None:
    """Keep the samples as evidence."""
    samples = [s.model_dump(mode="json") for s in event.samples]
    draft.note("sampled", "metrics", samples=samples)


def revert_pushed(draft: Draft, event: ev.RevertPushed) -> None:
    """Record the prepared revert."""
    revert = draft.mission.revert
    assert revert is not None  # set with the phase
    blocked = messages.overlap(event.overlapping) if event.overlapping else revert.blocked
    if not event.restores:
        blocked = messages.NOT_RESTORED
    update = {"head": event.head, "base": event.base, "tree": event.tree}
    draft.set(
        revert=revert.model_copy(update={**update, "restores": event.restores, "blocked": blocked})
    )
    draft.note("revert_pushed", **update, overlapping=list(event.overlapping))


def revert_refused(draft: Draft, event: ev.RevertRefused) -> None:
    """A revert that a machine cannot make is a person's."""
    revert = draft.mission.revert
    assert revert is not None  # set with the phase
    draft.set(revert=revert.model_copy(update={"blocked": event.reason}))
    draft.note("revert_refused", reason=event.reason)


def issue_filed(draft: Draft, event: ev.IssueFiled) -> None:
    """Record the issue that Grace filed."""
    if event.purpose == "capa":
        draft.set(capa=event.number)
        draft.note("capa_filed", number=event.number, url=event.url)
    else:
        draft.set(issue=event.number)
        draft.note("issue_filed", number=event.number, url=event.url)


def effect_failed(draft: Draft, event: ev.EffectFailed) -> None:
    """Hold for a person: an effect failed for good, and the sentence says why."""
    draft.note("effect_failed", effect=event.effect, key=event.key, reason=event.reason)
    draft.set(base_asked_at=None)
    phase = draft.mission.phase
    if phase is Phase.MERGING and event.effect == "merge_pull":
        draft.move(Phase.GATING, event.reason)
    needed = phase is Phase.REVERTING and event.effect in REVERT_NEEDS
    if phase in FORWARD | {Phase.AWAITING_START} or needed:
        draft.hold(messages.effect_failed(event.effect, event.reason))


def repository_gone(draft: Draft, event: ev.RepositoryGone) -> None:
    """End: there is nothing left to work on."""
    draft.close(Outcome.CANCELLED, event.reason)


def nothing(_draft: Draft, _event: object) -> None:
    """The facts say it all."""
