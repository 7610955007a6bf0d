"""What governance asks GitHub: which issues stop us, who is in a team, which tickets were closed.

Stop issues and tickets are read in one GraphQL query each.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from pydantic import AwareDatetime

from grace.adapters.github.graph import Found, Node, ask, quoted
from grace.adapters.github.labels import is_stop
from grace.adapters.github.ours import Ours
from grace.adapters.github.payloads import Id, Lenient, fit
from grace.adapters.github.seen import actor_of
from grace.adapters.github.session import Session, named
from grace.adapters.github.tickets import LABELS, Turned, ticket_event
from grace.adapters.github.who import WHO, WhoNode, nodes_of
from grace.adapters.github.wire import Refusal, Request
from grace.domain.events import Actor
from grace.domain.mission import MissionRef
from grace.ports import STOP_LABEL, ForgeRefused, ForgeUnavailable, Routed, StopIssue

_MOST: Final = 100
_HISTORY: Final = f"""
fragment history on Issue {{
  number state createdAt updatedAt labels(first: 100) {{ nodes {{ name }} }}
  timelineItems(
    itemTypes: [LABELED_EVENT, UNLABELED_EVENT, CLOSED_EVENT, REOPENED_EVENT], last: 100
  ) {{
    pageInfo {{ hasPreviousPage }}
    nodes {{
      __typename
      ... on LabeledEvent {{ createdAt actor {{ ...who }} label {{ name }} }}
      ... on UnlabeledEvent {{ createdAt actor {{ ...who }} label {{ name }} }}
      ... on ClosedEvent {{ createdAt actor {{ ...who }} }}
      ... on ReopenedEvent {{ createdAt actor {{ ...who }} }}
    }}
  }}
}}
{WHO}"""
_TICKET: Final = f"""
fragment ticket on Issue {{
  number body author {{ ...who }}
  timelineItems(itemTypes: [CLOSED_EVENT, REOPENED_EVENT], last: 1) {{ nodes {{
    __typename
    ... on ClosedEvent {{ createdAt actor {{ ...who }} }}
    ... on ReopenedEvent {{ createdAt actor {{ ...who }} }}
  }} }}
}}
{WHO}"""
_MISSING: Final = frozenset({int(HTTPStatus.NOT_FOUND)})
_LOST: Final = "NOT_FOUND"


class _Label(Node):
    name: str = ""


class _Moment(Node):
    """One event of an issue's timeline."""

    created_at: AwareDatetime
    actor: WhoNode | None = None
    label: _Label | None = None

    def by(self) -> Actor:
        return actor_of(None if self.actor is None else self.actor.user())


class _Issue(Node):
    number: Id
    state: str
    created_at: AwareDatetime
    updated_at: AwareDatetime


class _Ticket(Node):
    number: Id
    body: str = ""
    author: WhoNode | None = None


class _Membership(Lenient):
    state: str


async def stop_issues(
    session: Session, ref: MissionRef, known: Sequence[int], now: datetime
) -> tuple[StopIssue, ...]:
    """Read who put our stop label on open issues and who took it off, oldest word first.

    Raises `ForgeUnavailable` where any of it is not told: what is not read may stop us.
    """
    owner, name = where(ref)
    label = f"labels: [{quoted(STOP_LABEL)}], states: [OPEN], first: {_MOST}"
    fields = [f"issues({label}) {{ totalCount nodes {{ ...history }} }}"]
    fields += [f"i{n}: issue(number: {n}) {{ ...history }}" for n in known]
    document = f"query {{ repository(owner: {owner}, name: {name}) {{ {' '.join(fields)} }} }}"
    found = await ask(session, ref, "stop issues", document + _HISTORY)
    lost = {n for n in known if _LOST in found.kinds("repository", f"i{n}")}
    repository = _whole(ref, found, excused=len(lost))
    listed = repository.get("issues") or {}
    nodes = [node for node in listed.get("nodes") or [] if node is not None]
    if listed.get("totalCount") != len(nodes):
        raise ForgeUnavailable(f"GitHub does not list all stop issues of {ref.repository}")
    told = {fit(_Issue, node, "stop issues").number: node for node in nodes}
    for number in known:
        if number not in lost:
            told.setdefault(number, repository.get(f"i{number}") or {})
    words = [word for node in told.values() for word in _words(ref, node)]
    words += [StopIssue(ref=ref, number=n, open=False, actor=None, at=now) for n in sorted(lost)]
    return tuple(words)


def _words(ref: MissionRef, node: Mapping[str, Any]) -> Iterator[StopIssue]:
    """Yield who made the issue stop us or not, as often as that changed.

    Where it has come to stop without an event, nobody is named. Where it has come to stop no more
    without one, the label itself was deleted or renamed, which takes write permission: nobody is
    named either. Of a timeline that is longer than was read, no such thing is said.
    """
    issue = fit(_Issue, node, "stop issues")
    timeline = node.get("timelineItems") or {}
    whole = not (timeline.get("pageInfo") or {}).get("hasPreviousPage", True)
    is_open, labelled, last = True, False, issue.created_at
    for item in timeline.get("nodes") or []:
        kind, event = (item or {}).get("__typename", ""), fit(_Moment, item, "stop issues")
        if event.label is not None and not is_stop(event.label.name):
            continue
        before = is_open and labelled
        is_open = {"ClosedEvent": False, "ReopenedEvent": True}.get(kind, is_open)
        labelled = {"UnlabeledEvent": False, "LabeledEvent": True}.get(kind, labelled)
        stops, last = is_open and labelled, event.created_at
        if stops != before or (not whole and kind in {"UnlabeledEvent", "ClosedEvent"}):
            yield StopIssue(ref=ref, number=issue.number, open=stops, actor=event.by(), at=last)
    if node.get("labels") is None:
        raise ForgeUnavailable(f"GitHub does not tell the labels of #{issue.number}")
    names = (fit(_Label, label, "stop issues").name for label in nodes_of(node, "labels"))
    stops = issue.state == "OPEN" and any(is_stop(name) for name in names)
    if stops and not (is_open and labelled):
        yield StopIssue(ref=ref, number=issue.number, open=True, actor=None, at=last)
    elif whole and not stops and is_open and labelled:
        at = max(last, issue.updated_at)
        yield StopIssue(ref=ref, number=issue.number, open=False, actor=None, at=at)


async def tickets(session: Session, ref: MissionRef, ours: Ours) -> tuple[Routed, ...]:
    """Read which of our tickets were closed or opened again, of those that changed last."""
    owner, name = where(ref)
    order = f"orderBy: {{field: UPDATED_AT, direction: DESC}}, first: {_MOST}"
    fields = [
        f"{purpose}: issues(labels: [{quoted(label)}], {order}) {{ nodes {{ ...ticket }} }}"
        for purpose, label in LABELS.items()
    ]
    document = f"query {{ repository(owner: {owner}, name: {name}) {{ {' '.join(fields)} }} }}"
    repository = _whole(ref, await ask(session, ref, "news of tickets", document + _TICKET))
    told = (_turned(ref, node, ours) for key in LABELS for node in nodes_of(repository, key))
    return tuple(routed for routed in told if routed is not None)


def _turned(ref: MissionRef, node: Mapping[str, Any], ours: Ours) -> Routed | None:
    ticket = fit(_Ticket, node, "news of tickets")
    items = nodes_of(node, "timelineItems")
    if not items or ticket.author is None or not ours.sent(ticket.author.user()):
        return None
    item = items[-1]
    event = fit(_Moment, item, "news of tickets")
    reopened = item.get("__typename") == "ReopenedEvent"
    return ticket_event(
        ref, ticket.body, Turned(ticket.number, reopened, event.by(), event.created_at)
    )


async def in_team(session: Session, ref: MissionRef, team: str, login: str) -> bool:
    """Tell whether somebody is in a team, `organisation/team`: one call.

    Who was invited and has not accepted is not in it yet.
    """
    org, _, slug = team.partition("/")
    path = "/orgs/{org}/teams/{team_slug}/memberships/{username}"
    variables = {"org": org, "team_slug": slug, "username": login}
    request = Request("team", "GET", path, variables)
    try:
        answer = await session.call(ref, request, _MISSING)
    except Refusal:
        return False
    except ForgeRefused as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise ForgeRefused(
            f"GitHub does not show who is in {team}: give the App the permission Members: read "
            "in the organisation",
            error.status,
        ) from error
    return fit(_Membership, answer.data, request.purpose).state == "active"


def where(ref: MissionRef) -> tuple[str, str]:
    """Return owner and name as literals of GraphQL."""
    names = named(ref.repository)
    return quoted(str(names["owner"])), quoted(str(names["repo"]))


def _whole(ref: MissionRef, found: Found, excused: int = 0) -> Mapping[str, Any]:
    """Return the repository's answer; `ForgeUnavailable` where a part of it is missing."""
    repository = found.data.get("repository")
    if repository is None or len(found.errors) > excused:
        said = "; ".join(error.message for error in found.errors)[:600]
        raise ForgeUnavailable(f"GitHub does not tell all about {ref.repository}: {said}")
    answer: Mapping[str, Any] = repository
    return answer
