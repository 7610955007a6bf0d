"""Labels, tickets and stop issues in webhooks: who did what, and what strangers cannot feign."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.adapters.github.translate import stops, translate
from grace.domain.events import Event, IssueSeen, LabelSeen, PullSeen, TicketClosed
from grace.ports import Routed, StopIssue

UID = "0f8fad5b-d9cb-469f-a165-70867728950e"
AT = datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
STOP = {"name": "Grace:Stop"}

Hear = Callable[..., tuple[Routed, ...]]


@pytest.fixture
def hear(payloads: Any, ours: Any) -> Hear:
    def routed(event: str, action: str, **body: Any) -> tuple[Routed, ...]:
        given = payloads.delivery(event, payloads.envelope(action, **body))
        return translate(given, ours)[0]

    return routed


@pytest.fixture
def stopped(payloads: Any, ours: Any) -> Callable[..., tuple[StopIssue, ...]]:
    def found(action: str, event: str = "issues", **body: Any) -> tuple[StopIssue, ...]:
        return stops(payloads.delivery(event, payloads.envelope(action, **body)), ours)

    return found


def events(routed: tuple[Routed, ...]) -> list[Event]:
    return [each.event for each in routed]


@pytest.mark.parametrize(("action", "present"), [("labeled", True), ("unlabeled", False)])
@pytest.mark.parametrize("login", ["rex", "grace[bot]"])
def test_label_of_an_issue_is_told_with_who_changed_it(
    hear: Hear, payloads: Any, action: str, present: bool, login: str
) -> None:
    sender = payloads.user(login)
    body = {"issue": payloads.issue(), "label": {"name": "approved"}, "sender": sender}
    *_, routed = hear("issues", action, **body)
    assert isinstance(routed.event, LabelSeen)
    assert (routed.event.number, routed.event.label, routed.event.present) == (
        3,
        "approved",
        present,
    )
    assert routed.event.actor is not None
    assert (routed.event.actor.login, routed.event.at) == (login, AT)
    assert (routed.target.issue, routed.target.create) == (3, False)


def test_label_that_files_a_mission_is_told_to_it_after_it_is_made(
    hear: Hear, payloads: Any
) -> None:
    made, labelled = hear("issues", "labeled", issue=payloads.issue(), label={"name": "mission"})
    assert isinstance(made.event, IssueSeen)
    assert (made.target.create, labelled.target.create) == (True, False)
    assert isinstance(labelled.event, LabelSeen)


@pytest.mark.parametrize(("action", "present"), [("labeled", True), ("unlabeled", False)])
def test_label_of_a_pull_request_is_told_beside_its_state(
    hear: Hear, payloads: Any, action: str, present: bool
) -> None:
    seen, label = hear(
        "pull_request", action, pull_request=payloads.pull(), label={"name": "approved"}
    )
    assert isinstance(seen.event, PullSeen)
    assert isinstance(label.event, LabelSeen)
    assert (label.event.number, label.event.present) == (4, present)
    assert label.target == seen.target
    assert label.target.branch == "grace/mission_20260301_001"


@pytest.mark.parametrize("purpose", ["capa", "review"])
@pytest.mark.parametrize(
    ("action", "is_open"),
    [("closed", False), ("deleted", False), ("transferred", False), ("reopened", True)],
)
def test_ticket_of_ours_is_told_to_its_mission_by_uid(
    hear: Hear, payloads: Any, purpose: str, action: str, is_open: bool
) -> None:
    body = f"<!-- grace:{UID}:{purpose} -->\n## It was rolled back"
    issue = payloads.issue(user=payloads.bot(), body=body, labels=[{"name": purpose}])
    issue |= {"closed_at": "2026-03-01T11:59:00Z", "updated_at": "2026-03-01T11:59:01Z"}
    routed = hear("issues", action, issue=issue, sender=payloads.user("rex"))
    [ticket] = [r for r in routed if isinstance(r.event, TicketClosed)]
    assert (str(ticket.target.uid), ticket.target.create) == (UID, False)
    assert isinstance(ticket.event, TicketClosed)
    said = ticket.event
    assert (said.purpose, said.number, said.open) == (purpose, 3, is_open)
    # It is the moment that the issue's timeline has, so hearing both is hearing one.
    assert said.at == (AT if action == "closed" else AT + timedelta(seconds=1))
    assert said.actor.login == "rex"
    by_us = hear("issues", action, issue=issue, sender=payloads.bot())
    assert [e.actor.login for e in events(by_us) if isinstance(e, TicketClosed)] == ["grace[bot]"]


@pytest.mark.parametrize(
    "change",
    [
        {"user": {"login": "mallory", "id": 66, "type": "User"}},
        {"user": {"login": "grace", "id": 66, "type": "User"}},
        {"user": None},
        {"body": f"see <!-- grace:{UID}:capa -->"},
        {"body": f"<!-- grace:{UID}:issue -->"},
        {"body": None},
    ],
)
def test_marker_in_a_strangers_issue_or_further_down_closes_no_ticket(
    hear: Hear, payloads: Any, change: Any
) -> None:
    ours = {"user": payloads.bot(), "body": f"<!-- grace:{UID}:capa -->", "labels": []}
    assert any(
        isinstance(e, TicketClosed)
        for e in events(hear("issues", "closed", issue=payloads.issue(**ours)))
    )
    told = hear("issues", "closed", issue=payloads.issue(**(ours | change)))
    assert not any(isinstance(event, TicketClosed) for event in events(told))


@pytest.mark.parametrize(
    ("action", "body", "is_open"),
    [
        ("labeled", {"label": STOP}, True),
        ("unlabeled", {"label": STOP, "labels": []}, False),
        ("reopened", {"labels": [STOP]}, True),
        ("closed", {"labels": [STOP], "state": "closed"}, False),
        ("unlabeled", {"label": STOP, "labels": [], "state": "closed"}, False),
        ("deleted", {"labels": [STOP]}, False),
        ("transferred", {"labels": [STOP]}, False),
    ],
)
def test_issue_that_stops_us_or_does_so_no_more_names_who_did_that(
    stopped: Any, payloads: Any, action: str, body: dict[str, Any], is_open: bool
) -> None:
    label = body.pop("label", None)
    sender = payloads.user("tess", id=21)
    [stop] = stopped(action, issue=payloads.issue(**body), label=label, sender=sender)
    assert (stop.number, stop.open, stop.at) == (3, is_open, AT)
    assert (stop.actor.login, stop.actor.id) == ("tess", 21)
    assert (stop.ref.repository_id, stop.ref.repository) == (99, "acme/mesh")


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("labeled", {"label": {"name": "grace:stop-asking"}}),
        ("labeled", {"label": {"name": "bug"}, "labels": [STOP]}),
        ("unlabeled", {"label": {"name": "bug"}, "labels": [STOP]}),
        ("labeled", {"label": STOP, "state": "closed"}),
        ("labeled", {"label": STOP, "pull_request": {"url": "u"}}),
        ("labeled", {}),
        ("closed", {"labels": [{"name": "mission"}], "state": "closed"}),
        ("edited", {"labels": [STOP]}),
        ("opened", {"labels": [STOP]}),
        ("assigned", {"labels": [STOP]}),
    ],
)
def test_what_changes_no_stop_is_none(
    stopped: Any, payloads: Any, action: str, body: dict[str, Any]
) -> None:
    label = body.pop("label", None)
    assert stopped(action, issue=payloads.issue(**body), label=label) == ()


def test_only_issues_stop_us(stopped: Any, payloads: Any) -> None:
    given = {"pull_request": payloads.pull(), "label": STOP}
    assert stopped("labeled", "pull_request", **given) == ()
