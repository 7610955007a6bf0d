"""What machines, the forge and our own effects tell, and what each changes in a mission."""

from typing import assert_never

from grace.domain import events as ev
from grace.domain import messages
from grace.domain.effects import InspectPatch, PublishLedger, ReadTree
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.landed import tip_key
from grace.domain.lifecycle.merging import tested_trees
from grace.domain.lifecycle.revert_outcomes import revert_landed
from grace.domain.lifecycle.tickets import begin_review
from grace.domain.mission import Group, Landing, PullRef, Revert, Window
from grace.domain.phase import Outcome, Phase

OPEN_PULL = frozenset({Phase.TESTING, Phase.GATING, Phase.MERGING})


def results_reported(draft: Draft, event: ev.ResultsReported) -> None:
    """Remember what CI reported, bound to run, head, base and tree.

    What is reported of another pull request of our branch is none of ours; before ours is known
    it may be ours.
    """
    report, mission = event.report, draft.mission
    awaited = mission.pull is None or (mission.revert is not None and mission.revert.pull is None)
    if event.pull not in {None, *draft.facts.own_pulls} and not awaited:
        return
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
            {
                "suite": s.suite,
                "subject": s.subject,
                "passed": s.passed,
                "failed": s.failed,
                "skipped": s.skipped,
            }
            for s in report.suites
        ],
        stress=[s.model_dump(mode="json") for s in report.stress],
    )


def check_requested(draft: Draft, event: ev.CheckRequested) -> None:
    """Forget what the check says, so that it is said anew: the forge set it back to queued."""
    mission, key = draft.mission, f"again/{event.id}"
    wanted = None if event.name is None else event.name.removeprefix("mission/")

    def again(surface: str) -> bool:
        name, _, sha = surface.partition(":")
        return sha == event.sha and wanted in {None, name}

    if key not in mission.requested:
        kept = {s: digest for s, digest in mission.published.items() if not again(s)}
        draft.set(requested=mission.requested | {key}, published=kept)


def base_pushed(draft: Draft, event: ev.BasePushed) -> None:
    """Read the tip again when the base moved under a patch."""
    if draft.mission.phase in {Phase.TESTING, Phase.GATING} and draft.facts.base is None:
        draft.note("base_moved", branch=event.branch, sha=event.sha)


def base_read(draft: Draft, _event: ev.BaseRead) -> None:
    """The answer is in the facts, unless the base was seen to move after it was asked for."""
    hint, asked, base = draft.facts.base_hint, draft.mission.base_asked_at, draft.facts.base
    landing, known = draft.mission.landing, draft.mission.requested
    draft.set(base_asked_at=None)
    if landing is not None and base is not None and asked is None:
        # Asked for before the landing, and so no word about what became of it.
        if base.sha != landing.sha and tip_key(base.sha) not in known:
            draft.facts = draft.facts.model_copy(update={"base": None})
        return
    if hint is None or asked is None or base is None or hint.branch != base.branch:
        return
    if hint.at > asked and hint.sha != base.sha:
        draft.facts = draft.facts.model_copy(update={"base": None})


def branch_pushed(draft: Draft, event: ev.BranchPushed) -> None:
    """Record what was pushed; CI starts by itself. An older attempt's push counts too."""
    # A push leaves the queue.
    draft.set(remote_head=event.head, group=None, queued=False, leaving=None)
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
        revert_landed(draft, event)
        return
    if mission.phase not in OPEN_PULL:
        return
    if mission.phase is not Phase.MERGING:
        draft.set(basis="none")  # a person's merge is nobody's approval
        if mission.phase is Phase.TESTING:
            draft.move(Phase.GATING, "a person merged the pull request")
        draft.move(Phase.MERGING, "a person merged the pull request")
    trees = tested_trees(draft)
    draft.set(landing=landing, window=Window(), forge_says="", held=None, base_asked_at=None)
    draft.set(leaving=None, ending=None)
    draft.facts = draft.facts.model_copy(update={"base": None})
    draft.note("merged", merge_sha=event.sha, tree=event.tree, queued=mission.queued)
    begin_review(draft)
    draft.ask(PublishLedger(key="ledger/merged", slot="ledger"))
    tested = mission.attempt.tree if mission.attempt else None
    if event.tree in trees:
        draft.move(Phase.OBSERVING, "landed exactly the tested tree")
    else:
        reason = messages.tree_differs(event.tree, tested)
        draft.note("incident", merge_sha=event.sha, landed=event.tree, tested=tested)
        draft.set(revert=Revert(reason=reason))
        draft.move(Phase.REVERTING, reason)


def merge_refused(draft: Draft, event: ev.MergeRefused) -> None:
    """Evaluate again; a head that moved voids the approvals and needs a person."""
    reverting = draft.mission.phase is Phase.REVERTING
    if reverting != (event.purpose == "revert"):
        return  # a late word about a merge that is history
    draft.note("merge_refused", "forge", refusal=event.refusal.value, reason=event.reason)
    draft.set(queued=False, leaving=None)
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


def enqueued(draft: Draft, event: ev.Enqueued) -> None:
    """Remember that the forge's merge queue lands it, not a call of ours."""
    mission = draft.mission
    if mission.phase is Phase.REVERTING and mission.revert is not None:
        draft.set(revert=mission.revert.model_copy(update={"queued": True}))
    else:
        draft.set(queued=True, leaving=None)
    draft.note("enqueued", number=event.number, head=event.head)


def dequeued(draft: Draft, event: ev.Dequeued) -> None:
    """Evaluate a change again that left the queue; an old word about an earlier place is none."""
    mission = draft.mission
    ours = mission.revert.pull if mission.revert is not None else mission.pull
    if ours is None or ours.number != event.number:
        return
    newest = draft.facts.pulls.get(event.number)
    if event.at is not None and newest is not None and newest.at > event.at:
        return
    in_queue = mission.queued if mission.revert is None else mission.revert.queued
    if in_queue:
        draft.note("dequeued", "forge", reason=event.reason)
        left_queue(draft, event.reason)


def left_queue(draft: Draft, reason: str) -> None:
    """Go back to the gates: with patience where the queue dropped it, at once where we left it.

    A mission that was cancelled in the queue ends here.
    """
    mission, said = draft.mission, messages.queue_dropped(reason)
    if mission.phase is Phase.MERGING:
        draft.set(queued=False, leaving=None, ending=None)
        if mission.ending is not None:
            draft.close(Outcome.CANCELLED, mission.ending)
        elif mission.leaving is not None:
            draft.move(Phase.GATING, messages.queue_left(reason))
        else:
            draft.set(forge_says=said)
            draft.move(Phase.GATING, said)
    elif mission.revert is not None and mission.revert.queued:
        again = mission.revert.model_copy(update={"queued": False})
        draft.set(revert=again, forge_says=said, merge_after=None)


def group_seen(draft: Draft, event: ev.GroupSeen) -> None:
    """Judge a merge group with our change on top; what the queue drops is evaluated again.

    One that is `invalidated`, by what was before it in the queue, is made anew.
    """
    mission = draft.mission
    ours = mission.revert.pull if mission.revert is not None else mission.pull
    if ours is None or ours.number != event.pull:
        return
    known = mission.group is not None and mission.group.head == event.head
    if event.ended is None:
        if not known:
            draft.set(group=Group(pull=event.pull, head=event.head, base=event.base))
            draft.note("group", head=event.head, base=event.base)
            draft.ask(ReadTree(key=draft.next_key("tree"), sha=event.head))
            inspect_group(draft, mission.group, event)
        return
    if not known or event.ended == "merged":
        return
    draft.set(group=None)
    draft.note("group_dropped", "forge", head=event.head, reason=event.ended)
    if event.ended != "invalidated":
        left_queue(draft, event.ended)


def inspect_group(draft: Draft, before: Group | None, event: ev.GroupSeen) -> None:
    """Have the rules read at the base of a group, where it is not that of the patch."""
    attempt = draft.mission.attempt
    if attempt is None or event.base == attempt.base or draft.mission.revert is not None:
        return
    if before is not None:  # what was read of it is of no use any more
        facts = draft.facts
        kept = {head: read for head, read in facts.inspections.items() if head != before.head}
        draft.facts = facts.model_copy(update={"inspections": kept})
    key = f"inspect/{event.head}/{draft.mission.round}"
    draft.ask(InspectPatch(key=key, base=event.base, head=event.head))


def tree_read(draft: Draft, event: ev.TreeRead) -> None:
    """Take the tree of the merge group's commit."""
    group = draft.mission.group
    if group is not None and group.head == event.sha:
        draft.set(group=group.model_copy(update={"tree": event.tree}))


def metrics_sampled(draft: Draft, event: ev.MetricsSampled) -> None:
    """Keep the samples as evidence."""
    samples = [s.model_dump(mode="json") for s in event.samples]
    draft.note("sampled", "metrics", samples=samples)


def baseline_read(draft: Draft, event: ev.BaselineRead) -> None:
    """Remember by what the window will be judged."""
    known = {
        name: {
            "samples": c.past.samples,
            "level": c.past.level,
            "replays": c.replays,
            "false_rollbacks": c.false_rollbacks,
            "stretch": c.stretch,
        }
        for name, c in event.calibrations.items()
        if c.past is not None
    }
    draft.note("baseline_read", "metrics", metrics=known)


def issue_filed(draft: Draft, event: ev.IssueFiled) -> None:
    """Record the issue that Grace filed."""
    if event.purpose == "capa":
        draft.set(capa=event.number)
        draft.note("capa_filed", number=event.number, url=event.url)
    elif event.purpose == "review":
        if draft.mission.review is not None:
            draft.set(review=draft.mission.review.model_copy(update={"issue": event.number}))
        draft.note("review_filed", number=event.number, url=event.url)
    else:
        draft.set(issue=event.number)
        draft.note("issue_filed", number=event.number, url=event.url)


def repository_gone(draft: Draft, event: ev.RepositoryGone) -> None:
    """End: there is nothing left to work on."""
    draft.close(Outcome.CANCELLED, event.reason)


def repository_renamed(draft: Draft, event: ev.RepositoryRenamed) -> None:
    """Go on under the new name; the id is the same."""
    ref = draft.mission.ref
    if ref.repository != event.repository:
        draft.note("repository_renamed", before=ref.repository, after=event.repository)
        draft.set(ref=ref.model_copy(update={"repository": event.repository}))


def nothing(_draft: Draft, _event: object) -> None:
    """The facts say it all."""
