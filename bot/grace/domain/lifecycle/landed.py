"""After the merge: observe, resolve, or roll back and file a CAPA."""

from datetime import datetime, timedelta
from typing import Literal, assert_never

from grace.domain import messages
from grace.domain.effects import (
    CloseIssue,
    ClosePull,
    FileIssue,
    MergePull,
    OpenPull,
    PublishLedger,
    PushRevert,
    SampleMetrics,
)
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.forward import (
    RETRY_MERGE,
    criteria_of,
    landed_by_hand,
    request_of,
)
from grace.domain.mission import Landing, Revert, Window
from grace.domain.package import MetricTarget
from grace.domain.phase import Outcome, Phase
from grace.domain.render import leaves
from grace.domain.verdict import Condition, Result, all_of, leaf
from grace.domain.window import Judgement, judge

DEPLOYED = frozenset({"success"})
DEPLOYMENT_FAILED = frozenset({"failure", "error"})
INFRASTRUCTURE = frozenset({"timed_out", "startup_failure", "stale"})
DAY = timedelta(days=1)
REVERT_PATIENCE = timedelta(minutes=30)


def landing_of(draft: Draft) -> Landing:
    """Return the landing of a mission that observes or reverts."""
    assert draft.mission.landing is not None  # both phases follow a merge
    return draft.mission.landing


def window_of(draft: Draft) -> Window:
    """Return the observation window of a landed mission."""
    assert draft.mission.window is not None  # set with the landing
    return draft.mission.window


def live_targets(draft: Draft) -> tuple[MetricTarget, ...]:
    """Return what the window judges: the targets that are measured live, and the guards."""
    catalog = draft.policy.catalog.metrics
    targets = criteria_of(draft).metric_targets
    live = tuple(t for t in targets if (d := catalog.get(t.metric_id)) is None or d.source)
    minutes = min((t.rolling_window_minutes for t in live), default=10.0)
    named = {t.metric_id for t in live}
    guards = draft.policy.guards(request_of(draft).subsystem_id, minutes)
    return (*live, *(g for g in guards if g.metric_id not in named))


def observing(draft: Draft) -> None:
    """Anchor the window, sample, judge; resolve or revert."""
    window = anchored(draft)
    if window is None:
        return
    assert window.anchor is not None  # anchored
    assert window.ends_at is not None  # anchored
    span = (window.anchor, window.ends_at)
    targets = live_targets(draft)
    rules = draft.policy.governance.observation
    judgement, tree = judge(draft.facts.samples, targets, span, draft.now, rules)
    match judgement:
        case Judgement.UNDECIDED:
            sample(draft, targets)
            draft.wake(window.ends_at)
        case Judgement.PASS:
            end_window(draft, "pass", leaves(tree))
            draft.close(Outcome.FIXED, messages.window_passed(window))
        case Judgement.REGRESS:
            start_revert(draft, tree)
        case Judgement.INCONCLUSIVE:
            inconclusive(draft, tree.reason)
        case _ as never:
            assert_never(never)


def anchored(draft: Draft) -> Window | None:
    """Return the running window; None while the deployment is awaited or reported bad."""
    window, landing = window_of(draft), landing_of(draft)
    if window.anchor is not None:
        return window
    environment = draft.policy.subsystem(request_of(draft).subsystem_id).environment
    if environment is None:
        return open_window(draft, "merge", landing.at)
    seen = draft.facts.deployments.get(landing.sha, {}).get(environment)
    if seen is not None:
        if seen.state in DEPLOYED:
            return open_window(draft, "deployment", max(landing.at, seen.at))
        if seen.state in DEPLOYMENT_FAILED:
            reason = f"the deployment to {environment} ended with {seen.state}"
            start_revert(draft, leaf("deployment", Result.FAIL, reason, "the release"))
            return None
    patience = timedelta(minutes=draft.policy.governance.observation.deployment_timeout_minutes)
    waited_since = window.waited_since or landing.at
    if draft.now >= waited_since + patience:
        inconclusive(draft, f"no deployment to {environment} was reported")
    else:
        draft.wake(waited_since + patience)
    return None


def open_window(draft: Draft, anchored_to: Literal["deployment", "merge"], at: datetime) -> Window:
    """Start the window's clock at the release."""
    length = timedelta(minutes=criteria_of(draft).observation_window_minutes)
    window = window_of(draft).model_copy(
        update={"anchor": at, "anchored_to": anchored_to, "ends_at": at + length}
    )
    draft.set(window=window)
    draft.note(
        "window_opened",
        anchored_to=anchored_to,
        anchor=at.isoformat(),
        ends_at=(at + length).isoformat(),
        targets=[str(t) for t in live_targets(draft)],
    )
    return window


def sample(draft: Draft, targets: tuple[MetricTarget, ...]) -> None:
    """Ask for a round of samples when one is due."""
    if not targets:
        return
    every = timedelta(seconds=draft.policy.governance.observation.sample_interval_seconds)
    last = draft.mission.sampled_at
    if last is None or draft.now >= last + every:
        draft.set(sampled_at=draft.now)
        ids = tuple(t.metric_id for t in targets)
        draft.ask(SampleMetrics(key=draft.next_key("sample"), metric_ids=ids))
        last = draft.now
    draft.wake(last + every)


def inconclusive(draft: Draft, reason: str) -> None:
    """Extend the window once; after that a person must look."""
    window = window_of(draft)
    if window.extended:
        end_window(draft, "inconclusive", reason)
        draft.close(Outcome.FAILED, messages.window_inconclusive(reason))
        return
    update: dict[str, object] = {"extended": True, "waited_since": draft.now}
    if window.anchor is not None:
        length = timedelta(minutes=criteria_of(draft).observation_window_minutes)
        update["ends_at"] = draft.now + length
        draft.wake(draft.now + length)
    draft.set(window=window.model_copy(update=update))
    draft.note("window_extended", reason=reason)


def end_window(draft: Draft, verdict: str, reason: str) -> None:
    """Record what the window said."""
    update = {"verdict": verdict, "reason": reason, "judged_at": draft.now}
    draft.set(window=window_of(draft).model_copy(update=update))
    draft.note("window_closed", verdict=verdict, reason=reason)


def start_revert(draft: Draft, tree: Condition) -> None:
    """Decide to roll back, with the condition that failed as the reason."""
    failed = tree.holding() or tree
    reason = f"{failed.name}: {failed.reason}"
    end_window(draft, "regress", reason)
    draft.set(revert=Revert(reason=reason))
    draft.move(Phase.REVERTING, reason)


def brake(draft: Draft) -> str | None:
    """Say why a revert must be landed by a person, or None."""
    if draft.facts.kill_switch:
        return messages.KILL_SWITCH
    limit = draft.policy.governance.rollback.max_per_day
    today = [at for at in draft.facts.landed_reverts if at > draft.now - DAY]
    if len(today) >= limit:
        return messages.revert_cap(limit)
    revert = draft.mission.revert
    head = revert.head if revert is not None else None
    broken = [
        c for c in draft.facts.checks.get(head or "", {}).values() if c.conclusion in INFRASTRUCTURE
    ]
    return messages.ci_broken(broken[0].name) if broken else None


def revert_of(draft: Draft) -> Revert:
    """Return the revert of a reverting mission."""
    assert draft.mission.revert is not None  # set with the phase
    return draft.mission.revert


def reverting(draft: Draft) -> None:
    """Prepare the revert, land it unless a brake holds, verify the tree, file the CAPA."""
    mission, revert = draft.mission, revert_of(draft)
    if revert.landed is not None:
        finish_revert(draft, revert)
        return
    if mission.held is not None:
        give_up_revert(draft, mission.held)
    elif revert.head is None:
        if revert.blocked is not None:
            give_up_revert(draft, revert.blocked)
        else:
            push_revert(draft)
    elif revert.pull is None:
        open_revert(draft, revert)
    elif revert.blocked is not None:
        give_up_revert(draft, revert.blocked)
    else:
        land_revert(draft, revert)


def push_revert(draft: Draft) -> None:
    """Ask for the revert branch."""
    mission = draft.mission
    draft.ask(
        PushRevert(
            key=f"revert/{mission.round}",
            landed=landing_of(draft).sha,
            branch=f"{mission.branch}-revert",
            base_branch=draft.policy.subsystem(request_of(draft).subsystem_id).base_branch,
            subject=messages.revert_subject(mission),
            body=messages.revert_body(mission),
        )
    )


def open_revert(draft: Draft, revert: Revert) -> None:
    """Ask for the revert's pull request."""
    mission = draft.mission
    draft.ask(
        OpenPull(
            key=f"revert-pull/{mission.round}",
            purpose="revert",
            head_branch=f"{mission.branch}-revert",
            base_branch=draft.policy.subsystem(request_of(draft).subsystem_id).base_branch,
            head=revert.head or "",
            title=messages.revert_subject(mission),
            body=messages.revert_pull_body(mission),
        )
    )


def land_revert(draft: Draft, revert: Revert) -> None:
    """Ask for the revert's merge; ask again after a refusal, until patience ends."""
    mission = draft.mission
    why = brake(draft)
    if why == messages.KILL_SWITCH:
        if not merge_in_flight(draft, revert):
            landed_by_hand(draft, revert.pull)
        return
    if why is not None:
        give_up_revert(draft, why)
        return
    if mission.forge_says and mission.merge_after is None:
        started = revert.asked_at or draft.now
        if draft.now - started >= REVERT_PATIENCE:
            give_up_revert(draft, mission.forge_says)
            return
        draft.set(merge_after=draft.now + RETRY_MERGE)
    if draft.mission.merge_after is not None and draft.now < draft.mission.merge_after:
        draft.wake(draft.mission.merge_after)
        return
    if merge_in_flight(draft, revert) or landed_by_hand(draft, revert.pull):
        return
    first = revert.asked_at or draft.now
    draft.set(revert=revert.model_copy(update={"asked_at": first}), merge_after=None, forge_says="")
    assert revert.pull is not None  # the caller looked
    draft.ask(
        MergePull(
            key=draft.next_key("revert-merge"),
            purpose="revert",
            number=revert.pull.number,
            head=revert.head or "",
            tree=revert.tree or "",
            method="squash",
            subject=messages.revert_subject(mission),
            body=messages.revert_body(mission),
            agent="revert",
        )
    )


def merge_in_flight(draft: Draft, revert: Revert) -> bool:
    """Tell whether the forge's answer to our own merge is still awaited."""
    return revert.asked_at is not None and draft.mission.merge_after is None


def finish_revert(draft: Draft, revert: Revert) -> None:
    """Verify that the revert restored the tree, file the CAPA, and escalate."""
    assert revert.landed is not None  # the caller looked
    restored = revert.restores and revert.landed.tree == revert.tree
    if not file_capa(draft):
        return
    if restored:
        draft.close(Outcome.ROLLED_BACK, revert.reason)
    else:
        draft.close(Outcome.FAILED, messages.NOT_RESTORED)


def give_up_revert(draft: Draft, reason: str) -> None:
    """Leave the landing to a person, with a CAPA that says so."""
    if draft.mission.held != reason and revert_of(draft).blocked != reason:
        draft.set(revert=revert_of(draft).model_copy(update={"blocked": reason}))
    if file_capa(draft):
        draft.close(Outcome.FAILED, messages.revert_left_to_a_person(reason))


def file_capa(draft: Draft) -> bool:
    """Ask for the CAPA issue; True once it is filed."""
    mission = draft.mission
    if mission.capa is not None:
        return True
    draft.ask(
        FileIssue(
            key=f"capa/{mission.round}",
            purpose="capa",
            title=messages.capa_title(mission),
            body=messages.capa_body(mission, capa_tree(draft)),
            labels=("capa",),
        )
    )
    return False


def capa_tree(draft: Draft) -> Condition:
    """Return the tree of the window that led here."""
    window = window_of(draft)
    if window.anchor is None:
        return leaf("metrics", Result.NO_DATA, "the window was never anchored")
    return judged(draft, window.anchor)


def judged(draft: Draft, anchor: datetime) -> Condition:
    """Judge the samples as of now, or as of the moment that the window ended."""
    window = window_of(draft)
    moment = window.judged_at or draft.now
    span = (anchor, window.ends_at or moment)
    rules = draft.policy.governance.observation
    samples = tuple(s for s in draft.facts.samples if s.at <= moment)
    return judge(samples, live_targets(draft), span, moment, rules)[1]


def observation_tree(draft: Draft) -> Condition:
    """Judge the window so far, for people to read."""
    window = window_of(draft)
    if window.anchor is None:
        waiting = leaf(
            "deployment", Result.PENDING, "no deployment is reported yet", "the deployer"
        )
        return all_of("observation", (waiting,))
    words = f"window from {window.anchor:%H:%M:%S} ({window.anchored_to})"
    tree = judged(draft, window.anchor)
    return all_of("observation", (leaf("window", Result.PASS, words), tree))


def on_close(draft: Draft) -> None:
    """Ask for what ends a mission at the forge: issue, pull request, published ledger."""
    mission = draft.mission
    good = {Outcome.FIXED, Outcome.SELF_RECOVERED}
    if mission.issue is not None and mission.outcome in good | {Outcome.CANCELLED}:
        reason = "completed" if mission.outcome in good else "not_planned"
        draft.ask(CloseIssue(key="close-issue", number=mission.issue, reason=reason))
    if mission.pull is not None and mission.landing is None:
        draft.ask(ClosePull(key="close-pull", number=mission.pull.number))
    draft.ask(PublishLedger(key="ledger/closed", slot="ledger"))
