"""After the merge: anchor the window, sample, judge; resolve, or decide to roll back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, assert_never

from grace.domain import messages
from grace.domain.effects import (
    CloseIssue,
    ClosePull,
    PublishLedger,
    ReadBaseline,
    ReadContains,
    SampleMetrics,
)
from grace.domain.lifecycle.alerts import alert_leaves
from grace.domain.lifecycle.draft import Draft
from grace.domain.lifecycle.given import criteria_of, fresh_base, request_of
from grace.domain.mission import Landing, Revert, Window
from grace.domain.observed import DeploymentFact
from grace.domain.observing.judge import Judgement, Scene, Watched, judge, scene_of
from grace.domain.package import MetricId, MetricTarget
from grace.domain.phase import Outcome, Phase
from grace.domain.render import leaves
from grace.domain.results import Sha
from grace.domain.verdict import Condition, Result, all_of, leaf

DEPLOYED = frozenset({"success"})
DEPLOYMENT_FAILED = frozenset({"failure", "error"})
FORGE_SECOND = timedelta(seconds=1)  # a forge tells times in whole seconds
ASK_BASE_AGAIN = timedelta(minutes=5)  # after a read that failed or was lost


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
    subsystem = request_of(draft).subsystem_id
    live = tuple(t for t in targets if (d := catalog.get(t.metric_id)) is None or d.source)
    minutes = min((t.rolling_window_minutes for t in live), default=10.0)
    named = {t.metric_id for t in live}
    if subsystem not in draft.policy.subsystems.subsystems:
        return live  # a closed mission outlives its configuration
    guards = draft.policy.guards(subsystem, minutes)
    return (*live, *(g for g in guards if g.metric_id not in named))


def watched(draft: Draft) -> tuple[Watched, ...]:
    """Return what the window judges, and which of it only guards."""
    named = {t.metric_id for t in criteria_of(draft).metric_targets}
    return tuple(Watched(t, guard=t.metric_id not in named) for t in live_targets(draft))


def scene(draft: Draft, window: Window, moment: datetime) -> Scene:
    """Gather what the judge looks at; the window is anchored."""
    rules = draft.policy.governance.observation
    found = scene_of(draft.facts, window, rules, moment, len(live_targets(draft)))
    assert found is not None  # anchored
    return found


def observing(draft: Draft) -> None:
    """Anchor the window, sample, judge; resolve or revert."""
    if rewritten(draft):
        reason = messages.base_rewritten(landing_of(draft).sha)
        end_window(draft, "inconclusive", reason)
        draft.close(Outcome.FAILED, reason)
        return
    window = anchored(draft)
    if window is not None:
        judge_window(draft, window, start_revert)


def judge_window(
    draft: Draft, window: Window, regressed: Callable[[Draft, Condition], None]
) -> None:
    """Judge a running window; what regressed is undone as `regressed` does it."""
    assert window.ends_at is not None  # anchored
    targets = live_targets(draft)
    known = baseline_read(draft, window, targets)
    judgement, tree = judge(scene(draft, window, draft.now), watched(draft))
    if not known:
        judgement = Judgement.UNDECIDED
    match judgement:
        case Judgement.UNDECIDED:
            sample(draft, targets)
            if draft.now < window.ends_at:
                draft.wake(window.ends_at)
        case Judgement.PASS:
            end_window(draft, "pass", leaves(tree))
            draft.close(Outcome.FIXED, messages.window_passed(window))
        case Judgement.REGRESS:
            regressed(draft, tree)
        case Judgement.INCONCLUSIVE:
            inconclusive(draft, tree.reason)
        case _ as never:
            assert_never(never)


def rewritten(draft: Draft) -> bool:
    """Tell whether the base was rewritten so that our landing is not in it any more.

    Pushes are told in any order, so the tip itself is read, and what it contains. What is known of
    the base was read after the landing: `merged` forgets the rest.
    """
    facts, landing = draft.facts, landing_of(draft)
    hint, base = facts.base_hint, facts.base
    if base is not None and base.sha != landing.sha:
        draft.ask(ReadContains(key=tip_key(base.sha), head=base.sha, landed=landing.sha))
    asked = draft.mission.requested
    if any(tip_key(sha) in asked for sha, contains in facts.contains.items() if not contains):
        return True
    if hint is None or hint.at <= landing.at or hint.sha == landing.sha:
        return False
    if base is None or base.at < hint.at:
        draft.facts = facts.model_copy(update={"base": None})
        asked_at = draft.mission.base_asked_at
        if asked_at is not None and draft.now - asked_at >= ASK_BASE_AGAIN:
            draft.set(base_asked_at=None)
        fresh_base(draft)
    return False


def tip_key(sha: Sha) -> str:
    """Name the question whether a tip of the base contains the landing."""
    return f"tip/{sha}"


def anchored(draft: Draft) -> Window | None:
    """Return the running window; None while the deployment is awaited or reported bad."""
    window, landing = window_of(draft), landing_of(draft)
    if window.anchor is not None:
        return window
    environment = draft.policy.subsystem(request_of(draft).subsystem_id).environment
    if environment is None:
        return open_window(draft, "merge", landing.at)
    seen = release(draft, environment, landing, "landing")
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


def release(
    draft: Draft, environment: str, landing: Landing, of: Literal["landing", "revert"]
) -> DeploymentFact | None:
    """Find the deployment that brought a landing of ours: its own, or a later one that contains it.

    Whether a deployed commit contains ours is asked of the repository, once for each.
    """
    facts = draft.facts
    contains = facts.contains if of == "landing" else facts.contains_revert
    own = facts.deployments.get(landing.sha, {}).get(environment)
    if own is not None and own.state in DEPLOYED | DEPLOYMENT_FAILED:
        return own
    for sha, states in facts.deployments.items():
        found = states.get(environment)
        if found is None or found.state not in DEPLOYED or found.at < landing.at - FORGE_SECOND:
            continue
        if contains.get(sha):
            return found
        if sha not in contains:
            key = f"contains/{sha}" if of == "landing" else f"contains-revert/{sha}"
            draft.ask(ReadContains(key=key, head=sha, landed=landing.sha, of=of))
    return own


def open_window(
    draft: Draft, anchored_to: Literal["deployment", "merge", "run"], at: datetime
) -> Window:
    """Start the window's clock at the release."""
    minutes = criteria_of(draft).observation_window_minutes + window_of(draft).added_minutes
    length = timedelta(minutes=minutes)
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
        draft.ask(SampleMetrics(key=draft.next_key("sample"), metric_ids=sampled(draft, targets)))
        last = draft.now
    draft.wake(last + every)


def sampled(draft: Draft, targets: tuple[MetricTarget, ...]) -> tuple[MetricId, ...]:
    """Name what is measured in a round: the targets, and the controls that they go with."""
    catalog = draft.policy.catalog.metrics
    ids = [t.metric_id for t in targets]
    controls = [d.control for i in ids if (d := catalog.get(i)) is not None and d.control]
    live = [c for c in controls if (d := catalog.get(c)) is not None and d.source]
    return tuple(dict.fromkeys([*ids, *live]))


def baseline_read(draft: Draft, window: Window, targets: tuple[MetricTarget, ...]) -> bool:
    """Ask once what the metrics were like before the release; False: the answer is awaited."""
    if not targets or draft.facts.baseline is not None:
        return True
    assert window.anchor is not None  # anchored
    minutes = criteria_of(draft).observation_window_minutes
    draft.ask(ReadBaseline(key="baseline", targets=targets, before=window.anchor, minutes=minutes))
    return False


def inconclusive(draft: Draft, reason: str) -> None:
    """Extend the window within the bound; after that a person must look."""
    window = window_of(draft)
    done = max(window.extensions, int(window.extended))
    if done >= draft.policy.governance.observation.max_extensions:
        end_window(draft, "inconclusive", reason)
        draft.close(Outcome.FAILED, messages.window_inconclusive(reason, done))
        return
    update: dict[str, object] = {"extended": True, "extensions": done + 1}
    update["waited_since"] = draft.now
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


def judged(draft: Draft) -> Condition:
    """Judge the samples as of now, or as of the moment that the window ended."""
    window = window_of(draft)
    tree = judge(scene(draft, window, window.judged_at or draft.now), watched(draft))[1]
    baseline = draft.facts.baseline
    if baseline is None or not baseline.note or not tree.children:
        return tree
    words = leaf("before the release", Result.SKIPPED, baseline.note)
    return all_of(tree.name, (*tree.children, words))


def observation_tree(draft: Draft) -> Condition:
    """Judge the window so far, for people to read."""
    window = window_of(draft)
    if window.anchor is None:
        waiting = leaf(
            "deployment", Result.PENDING, "no deployment is reported yet", "the deployer"
        )
        return all_of("observation", (waiting,))
    words = f"window from {window.anchor:%H:%M:%S} ({window.anchored_to})"
    tree = judged(draft)
    opened = leaf("window", Result.PASS, words)
    return all_of("observation", (opened, tree, *alert_leaves(draft.mission)))


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
