"""Ask for what governance needs to know: the patch, labels, teams, attestations, live metrics."""

from datetime import timedelta

from grace.domain import approving
from grace.domain.effects import (
    InspectPatch,
    ReadPermission,
    ReadTeam,
    SampleMetrics,
    VerifyAttestations,
)
from grace.domain.facts import label_about, label_key, team_key
from grace.domain.lifecycle.draft import Draft
from grace.domain.rules.case import Case
from grace.domain.rules.evaluate import wakes, wanted_of
from grace.domain.rules.language import Requirement
from grace.domain.rules.people import teams_to_ask


def ask_for_governance(draft: Draft) -> None:
    """Ask for everything that the rules in force look at and that is not known, once."""
    case = draft.case()
    if case.inspection is None:
        inspect(draft, case)
        return
    verify(draft, case)
    wanted = tuple(wanted_of(case))
    ask_labels(draft, case, wanted)
    ask_teams(draft, case, wanted)
    sample_rules(draft, wanted)
    for at in wakes(case):
        draft.wake(at)
    ready = approving.solo_ready(case)
    if ready is not None and ready > draft.now:
        draft.wake(ready)


def inspect(draft: Draft, case: Case) -> None:
    """Ask what the patch changes and what its base says."""
    attempt = case.attempt
    assert attempt.head is not None  # what is tested was pushed
    assert attempt.base is not None  # as above
    key = f"inspect/{attempt.head}/{draft.mission.round}"
    draft.ask(InspectPatch(key=key, base=attempt.base, head=attempt.head))


def verify(draft: Draft, case: Case) -> None:
    """Have the bundles verified that CI reported; a later run's are verified anew."""
    report = draft.facts.report(case.head)
    if report is None or not report.artifacts:
        return
    run = f"{report.run_id}/{report.run_attempt}"
    key = f"attestations/{report.head_sha}/{run}/{draft.mission.round}"
    draft.ask(VerifyAttestations(key=key, head=report.head_sha, artifacts=report.artifacts))


def ask_labels(draft: Draft, case: Case, wanted: tuple[Requirement, ...]) -> None:
    """Ask what those may do who set labels that a rule looks at."""
    pull = draft.mission.pull
    assert pull is not None  # tests begin when it is open
    names = {n for w in wanted if w.labels for n in (*w.labels.all_of, *w.labels.none_of)}
    names |= case.labels_looked_at
    for name in sorted(names):
        fact = draft.facts.labels.get(label_key(pull.number, name))
        if fact is None or fact.actor is None:
            continue
        about = label_about(pull.number, name, fact.actor.login)
        key = f"permission/{about}/{fact.at.isoformat()}/{draft.mission.round}"
        actor = fact.actor
        draft.ask(ReadPermission(key=key, login=actor.login, about=about, user_id=actor.id))


def ask_teams(draft: Draft, case: Case, wanted: tuple[Requirement, ...]) -> None:
    """Ask whether approvers are in the teams that a rule names."""
    for each in wanted:
        if each.approvals is None:
            continue
        for team, login in sorted(teams_to_ask(case, each.approvals)):
            key = f"team/{team_key(team, login)}/{draft.mission.round}"
            draft.ask(ReadTeam(key=key, login=login, team=team))


def fresh_teams(draft: Draft) -> bool:
    """Tell whether the places in teams that count were read lately; read them again otherwise."""
    case = draft.case()
    limit = timedelta(seconds=draft.policy.governance.base_fresh_seconds)
    voices = approving.voices(case.mission, case.attempt, case.facts, case.policy)
    named = any(w.approvals is not None for w in wanted_of(case))
    fresh = True
    for key, fact in draft.facts.teams.items() if named else ():
        team, _, login = key.rpartition(":")
        mine = next((v for v in voices if v.lower() == login), None)
        if fact.member and mine is not None and draft.now - fact.at > limit:
            again = f"team/{key}/{fact.at.isoformat()}/{draft.mission.round}"
            draft.ask(ReadTeam(key=again, login=mine, team=team))
            fresh = False
    return fresh


def sample_rules(draft: Draft, wanted: tuple[Requirement, ...]) -> None:
    """Sample the metrics that rules look at, while the mission waits for its merge."""
    ids = tuple(sorted({w.metric.metric_id for w in wanted if w.metric is not None}))
    ids = tuple(m for m in ids if m in draft.policy.catalog.metrics)
    if not ids:
        return
    every = timedelta(seconds=draft.policy.governance.observation.sample_interval_seconds)
    last = draft.mission.sampled_at
    if last is None or draft.now >= last + every:
        draft.set(sampled_at=draft.now)
        draft.ask(SampleMetrics(key=draft.next_key("sample"), metric_ids=ids))
        last = draft.now
    draft.wake(last + every)
