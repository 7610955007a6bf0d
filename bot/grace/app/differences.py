"""What a sweep saw and a mission does not know yet, as the events that webhooks would be. Pure."""

from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar, assert_never

from grace.app.places import queue_news
from grace.domain.events import (
    Actor,
    CheckSeen,
    DeploymentSeen,
    Event,
    LabelSeen,
    PullSeen,
    RepositoryGone,
    RepositoryRenamed,
    ReviewSeen,
    ReviewState,
)
from grace.domain.facts import Facts, check_key, fold, label_key, review_key
from grace.domain.lifecycle.landed import FORGE_SECOND
from grace.domain.mission import Mission
from grace.domain.phase import Phase
from grace.ports import ChangeState, LiveState

# A state read later does not say who brought it about; a webhook does.
SOMEBODY: Final = Actor(login="somebody")
_GONE: Final = (
    "the repository cannot be read any more: it was deleted, or Grace lost her access to it"
)
# Every push of ours is recorded in these phases, so a commit that is unknown is somebody else's.
_PUSHED: Final = frozenset({Phase.TESTING, Phase.GATING, Phase.MERGING})
# GitHub marks what a later release replaced, and tells no webhook of it: it is no word on ours.
_REPLACED: Final = "inactive"

Seen = PullSeen | ReviewSeen | CheckSeen | DeploymentSeen | LabelSeen
S = TypeVar("S", bound=ReviewSeen | CheckSeen | DeploymentSeen)


def differences(
    mission: Mission, facts: Facts, state: LiveState, now: datetime
) -> tuple[Event, ...]:
    """Return what is news: what the facts would not be the same without.

    Times, links and senders alone are no news. What the facts know better, because it is newer,
    is none either: folding decides that, as it does for a webhook that comes late.
    """
    if state.gone:
        return (RepositoryGone(reason=_GONE),)
    news: list[Event] = []
    if state.repository and state.repository != mission.ref.repository:
        news.append(RepositoryRenamed(repository=state.repository))
    for event in (*_seen(mission, state), *_labels(facts, state)):
        folded = fold(facts, event, now)
        if _essence(folded, event) != _essence(facts, event):
            news.append(event)
            facts = folded
    for change in state.changes:
        news += queue_news(mission, change, now)
    return tuple(news)


def _seen(mission: Mission, state: LiveState) -> Iterator[Seen]:
    for change in state.changes:
        yield from _parts(change, mission)
    releases = [seen for seen in state.deployments if seen.state != _REPLACED]
    landed = mission.landing
    if landed is None:
        yield from _newest(releases, [r.environment for r in releases])
        return
    undone = mission.revert.landed if mission.revert is not None else None
    known = {landed.sha, undone.sha if undone is not None else None}
    ours = [r for r in releases if r.sha in known or r.at >= landed.at - FORGE_SECOND]
    yield from _newest(ours, [(r.sha, r.environment) for r in ours])


def _labels(facts: Facts, state: LiveState) -> Iterator[LabelSeen]:
    """Yield the labels that are there, and the end of those that are known and are not."""
    for read in state.labels:
        there = {seen.label.lower() for seen in read.seen}
        for seen in read.seen:
            if seen.present or label_key(seen.number, seen.label) in facts.labels:
                yield seen
        for key, fact in facts.labels.items():
            number, _, label = key.partition(":")
            known = number == str(read.number) and fact.present
            if known and read.whole and label not in there:
                yield LabelSeen(
                    number=read.number, label=label, present=False, actor=None, at=read.at
                )


def _parts(change: ChangeState, mission: Mission) -> Iterator[Seen]:
    reviews = [r for r in change.reviews if r.state is not ReviewState.COMMENTED]
    checks = change.checks
    yield from _newest(checks, [(c.sha, check_key(c.name, c.app_id, c.run_id)) for c in checks])
    yield from _newest(reviews, [r.actor.login for r in reviews])
    yield _with_doer(change.pull, mission)


def _newest(events: Sequence[S], keys: Sequence[Hashable]) -> Iterator[S]:
    """Yield the last word on each key; of two in the same second, the one with the higher id."""

    def rank(event: S) -> tuple[datetime, int, str]:
        name = "" if isinstance(event, DeploymentSeen) else event.id
        return event.at, len(name), name

    newest: dict[Hashable, S] = {}
    for key, event in zip(keys, events, strict=True):
        if key not in newest or rank(event) >= rank(newest[key]):
            newest[key] = event
    yield from newest.values()


def _with_doer(pull: PullSeen, mission: Mission) -> PullSeen:
    """Name nobody for what the one who is named, the author, need not have done.

    Grace opens every pull request of a mission, so an open one names her even when somebody else
    pushed to it, and a closed one although she closes none of a live mission.
    """
    foreign = pull.head_sha not in {a.head for a in mission.attempts}
    pushed = mission.phase in _PUSHED and foreign
    if not pull.merged and (pull.state == "closed" or pushed):
        return pull.model_copy(update={"sender": SOMEBODY})
    return pull


def _essence(facts: Facts, event: Seen) -> object:
    """Return what the facts say about the thing that an event is about, bar what is no news."""
    match event:
        case PullSeen(number=number):
            pull = facts.pulls.get(number)
            return pull and pull.model_dump(exclude={"sender", "at"})
        case ReviewSeen() as review:
            return facts.reviews.get(review_key(review))
        case CheckSeen(sha=sha, name=name, app_id=app, run_id=run):
            check = facts.checks.get(sha, {}).get(check_key(name, app, run))
            return check and (check.id, check.conclusion)
        case DeploymentSeen(sha=sha, environment=environment):
            release = facts.deployments.get(sha, {}).get(environment)
            return release and release.state
        case LabelSeen():
            known = facts.labels.get(label_key(event.number, event.label))
            return known and (known.present, known.actor and known.actor.login.lower())
        case _ as never:
            assert_never(never)
