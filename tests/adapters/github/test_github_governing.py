"""Stop issues with their history, labels in a sweep, and teams, as GitHub answers them."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from grace.ports import ForgeRefused, ForgeUnavailable, LiveQuery

GRAPHQL = "https://github.test/api/graphql"
ADA = {"__typename": "User", "login": "ada", "databaseId": 11}
TRIAGER = {"__typename": "User", "login": "tess", "databaseId": 21}
BOT = {"__typename": "Bot", "login": "grace", "databaseId": 12}


def at(minute: int) -> str:
    return f"2026-03-01T11:{minute:02}:00Z"


def event(kind: str, minute: int, actor: Any = ADA, label: str | None = None) -> dict[str, Any]:
    shape = {"__typename": f"{kind}Event", "createdAt": at(minute), "actor": actor}
    return shape if label is None else shape | {"label": {"name": label}}


def issue(
    number: int, *history: Any, labels: Sequence[str] = ("grace:stop",), **more: Any
) -> dict[str, Any]:
    return {
        "number": number,
        "state": "OPEN",
        "createdAt": at(0),
        "updatedAt": at(30),
        "labels": {"nodes": [{"name": name} for name in labels]},
        "timelineItems": {"pageInfo": {"hasPreviousPage": False}, "nodes": list(history)},
        **more,
    }


PUT = event("Labeled", 1, label="grace:stop")
OFF = event("Unlabeled", 2, TRIAGER, label="grace:stop")


def answer(github: Any, listed: Sequence[Any], *errors: Any, total: int = -1, **known: Any) -> Any:
    count = len(listed) if total < 0 else total
    found = {"issues": {"totalCount": count, "nodes": list(listed)}, **known}
    body = {"data": {"repository": found}} | ({"errors": list(errors)} if errors else {})
    return github.router.post(GRAPHQL).respond(json=body)


async def words(github: Any, *known: int) -> list[tuple[int, bool, str | None, int]]:
    found = await github.forge.stop_issues(github.ref, known)
    return [(w.number, w.open, w.actor and w.actor.login, w.at.minute) for w in found]


async def test_open_stop_issue_names_who_labelled_it(github: Any) -> None:
    route = answer(github, [issue(5, event("Labeled", 0, label="bug"), PUT)])
    assert await words(github) == [(5, True, "ada", 1)]
    asked = github.sent(route)["query"]
    assert 'labels: ["grace:stop"], states: [OPEN]' in asked
    assert github.purposes() == ["installation token", "stop issues"]


async def test_each_change_of_a_stop_is_a_word_of_who_made_it(github: Any) -> None:
    """A triager who takes a writer's label off and puts his own on hides nothing."""
    history = [
        PUT,
        OFF,
        event("Labeled", 3, TRIAGER, label="grace:stop"),
        event("Closed", 4, ADA),
        event("Unlabeled", 5, ADA, label="bug"),
        event("Reopened", 6, None),
    ]
    answer(github, [issue(5, *history)])
    assert await words(github) == [
        (5, True, "ada", 1),
        (5, False, "tess", 2),
        (5, True, "tess", 3),
        (5, False, "ada", 4),
        (5, True, "ghost", 6),
    ]


async def test_known_stop_that_is_listed_no_more_names_who_lifted_it(github: Any) -> None:
    closed = issue(5, PUT, event("Closed", 9, TRIAGER), state="CLOSED")
    answer(github, [issue(6, PUT)], i5=closed, i6=issue(6, PUT))
    assert await words(github, 5, 6) == [
        (6, True, "ada", 1),
        (5, True, "ada", 1),
        (5, False, "tess", 9),
    ]


async def test_label_that_was_deleted_and_issue_that_was_are_lifted_by_nobody(github: Any) -> None:
    lost = {"type": "NOT_FOUND", "path": ["repository", "i7"], "message": "none"}
    answer(github, [], lost, i5=issue(5, PUT, labels=()), i7=None)
    assert await words(github, 5, 7) == [
        (5, True, "ada", 1),
        (5, False, None, 30),
        (7, False, None, 0),
    ]


async def test_stop_whose_beginning_is_not_told_is_put_by_nobody(github: Any) -> None:
    answer(github, [issue(5, labels=("Grace:Stop",))])
    assert await words(github) == [(5, True, None, 0)]


async def test_history_that_is_too_long_lifts_nothing_by_itself(github: Any) -> None:
    """Somebody could take the label off, and then bury that under changes of other labels."""
    buried = issue(5, event("Labeled", 9, label="bug"), labels=())
    buried["timelineItems"]["pageInfo"]["hasPreviousPage"] = True
    answer(github, [], i5=buried)
    assert await words(github, 5) == []
    buried["timelineItems"]["nodes"] = [OFF]
    answer(github, [], i5=buried)
    assert await words(github, 5) == [(5, False, "tess", 2)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"listed": [None], "total": 1},
        {"listed": [issue(5, PUT)], "total": 2},
        {"listed": [issue(5, PUT) | {"labels": None}]},
        {"listed": [issue(5, None)]},
        {"listed": [], "i5": None},
        {"listed": [], "i5": issue(5) | {"state": None}},
    ],
)
async def test_stop_issues_that_are_not_told_whole_are_not_told(github: Any, wrong: Any) -> None:
    answer(github, **wrong)
    with pytest.raises(ForgeUnavailable):
        await github.forge.stop_issues(github.ref, (5,) if "i5" in wrong else ())


async def test_error_beside_an_answer_makes_it_none(github: Any) -> None:
    answer(github, [], {"type": "TIMEOUT", "path": ["repository", "issues"], "message": "late"})
    with pytest.raises(ForgeUnavailable, match="late"):
        await github.forge.stop_issues(github.ref)
    github.router.post(GRAPHQL).respond(json={"data": {"repository": None}})
    with pytest.raises(ForgeUnavailable, match="acme/mesh"):
        await github.forge.stop_issues(github.ref)


async def test_labels_of_a_mission_are_read_in_its_sweep(github: Any) -> None:
    label_fields = {
        "updatedAt": at(30),
        "labels": {"totalCount": 2, "nodes": [{"name": "mission"}, {"name": "Approved"}]},
        "timelineItems": {
            "nodes": [
                event("Labeled", 1, label="approved"),
                event("Labeled", 2, BOT, label="approved"),
                event("Labeled", 3, TRIAGER, label="old"),
                event("Unlabeled", 4, TRIAGER, label="old"),
                event("Labeled", 5, ADA, label="renamed since"),
            ]
        },
    }
    data = {"m0": {"databaseId": 99, "issue": {"state": "OPEN"} | label_fields, "p4": None}}
    route = github.router.post(GRAPHQL).respond(json={"data": data})
    query = LiveQuery(ref=github.ref, uid=uuid4(), issue=3, pulls=(4,))
    [state] = await github.forge.read_live([query])
    [labels] = state.labels
    assert (labels.number, labels.whole, labels.at.minute) == (3, True, 30)
    told = [(s.label, s.present, s.actor and s.actor.login, s.at.minute) for s in labels.seen]
    assert told == [
        ("mission", True, None, 30),
        ("Approved", True, "grace[bot]", 2),
        ("old", False, "tess", 4),
    ]
    assert {s.number for s in labels.seen} == {3}
    assert github.sent(route)["query"].count("...issueLabels") == 1


async def test_labels_beyond_a_hundred_make_the_reading_half(github: Any) -> None:
    fields = {"updatedAt": at(1), "labels": {"totalCount": 101, "nodes": [{"name": "a"}]}}
    data = {"m0": {"databaseId": 99, "issue": {"state": "OPEN"} | fields}}
    github.router.post(GRAPHQL).respond(json={"data": data})
    [state] = await github.forge.read_live([LiveQuery(ref=github.ref, uid=uuid4(), issue=3)])
    assert not state.labels[0].whole


@pytest.mark.parametrize(
    ("status", "body", "member"),
    [
        (200, {"state": "active", "role": "member", "url": "u"}, True),
        (200, {"state": "pending", "role": "member", "url": "u"}, False),
        (404, {"message": "Not Found"}, False),
    ],
)
async def test_only_who_has_joined_a_team_is_in_it(
    github: Any, status: int, body: Any, member: bool
) -> None:
    route = github.on("GET", "/orgs/acme/teams/owners/memberships/ada").respond(status, json=body)
    assert await github.forge.in_team(github.ref, "acme/owners", "ada") is member
    assert route.call_count == 1
    assert github.purposes() == ["installation token", "team"]


async def test_teams_that_the_app_may_not_see_say_what_to_grant(github: Any) -> None:
    path = "/orgs/acme/teams/owners/memberships/ada"
    github.on("GET", path).respond(403, json={"message": "Resource not accessible by integration"})
    with pytest.raises(ForgeRefused, match="Members: read"):
        await github.forge.in_team(github.ref, "acme/owners", "ada")
