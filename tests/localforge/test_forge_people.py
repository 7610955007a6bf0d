"""Who put which label, who closed an issue, and who is in a team."""

from typing import Any

from localforge.forge_world import REPO, World

THREAD = """query { repository(owner: "ann", name: "app") { issue(number: 1) {
  labels(first: 10) { nodes { name } }
  all: timelineItems(last: 50) { totalCount }
  timelineItems(itemTypes: [LABELED_EVENT, UNLABELED_EVENT, CLOSED_EVENT, REOPENED_EVENT],
    last: 50) { nodes {
    __typename
    ... on LabeledEvent { createdAt actor { login } label { name } }
    ... on UnlabeledEvent { actor { login } label { name } }
    ... on ClosedEvent { actor { login } }
    ... on ReopenedEvent { actor { login } }
  } }
} } }"""
LISTED = """query { repository(owner: "ann", name: "app") {
  open: issues(labels: ["STOP"], states: [OPEN], first: 5) { totalCount nodes { number } }
  any: issues(labels: ["stop", "late"], first: 5,
    orderBy: {field: UPDATED_AT, direction: DESC}) { nodes { number } }
  all: issues(first: 5) { totalCount }
} }"""


async def thread(world: World) -> Any:
    answer = await world.ask(THREAD, await world.bot())
    return answer["data"]["repository"]["issue"]


async def test_timeline_tells_who_labelled_and_who_closed(world: World) -> None:
    ann, bob, eve = (world.person(login) for login in ("ann", "bob", "eve"))
    await world.forge.add_collaborator("ann/app", "eve", "triage")
    await ann.post(f"{REPO}/issues", json={"title": "Stop", "labels": ["stop"]})
    await eve.delete(f"{REPO}/issues/1/labels/stop")
    await bob.put(f"{REPO}/issues/1/labels", json={"labels": ["stop", "late"]})
    for who, state in ((eve, "closed"), (ann, "open")):
        await who.patch(f"{REPO}/issues/1", json={"state": state})
    found = await thread(world)
    told = [
        (node["__typename"], node["actor"]["login"], (node.get("label") or {}).get("name"))
        for node in found["timelineItems"]["nodes"]
    ]
    assert told == [
        ("LabeledEvent", "ann", "stop"),
        ("UnlabeledEvent", "eve", "stop"),
        ("LabeledEvent", "bob", "stop"),
        ("LabeledEvent", "bob", "late"),
        ("ClosedEvent", "eve", None),
        ("ReopenedEvent", "ann", None),
    ]
    assert found["all"]["totalCount"] == 6


async def test_label_that_was_deleted_leaves_the_issue_but_not_its_history(world: World) -> None:
    ann = world.person("ann")
    await ann.post(f"{REPO}/issues", json={"title": "Stop", "labels": ["stop"]})
    await ann.delete(f"{REPO}/labels/stop")
    found = await thread(world)
    assert found["labels"]["nodes"] == []
    assert [node["label"]["name"] for node in found["timelineItems"]["nodes"]] == ["stop"]


async def test_issues_are_listed_by_any_of_their_labels_and_by_state(world: World) -> None:
    ann = world.person("ann")
    for labels in (["stop"], ["late"], []):
        await ann.post(f"{REPO}/issues", json={"title": "t", "labels": labels})
    await ann.post(f"{REPO}/issues", json={"title": "t", "labels": ["stop"]})
    await ann.patch(f"{REPO}/issues/1", json={"state": "closed"})
    found = (await world.ask(LISTED, await world.bot()))["data"]["repository"]
    assert found["open"] == {"totalCount": 1, "nodes": [{"number": 4}]}
    assert {node["number"] for node in found["any"]["nodes"]} == {1, 2, 4}
    assert found["all"]["totalCount"] == 4


async def test_stranger_neither_labels_nor_closes_what_is_not_his(world: World) -> None:
    ann, eve = world.person("ann"), world.person("eve")
    await ann.post(f"{REPO}/issues", json={"title": "Stop"})
    labelled = await eve.post(f"{REPO}/issues/1/labels", json={"labels": ["stop"]})
    closed = await eve.patch(f"{REPO}/issues/1", json={"state": "closed"})
    assert (labelled.status_code, closed.status_code) == (403, 403)
    assert (await thread(world))["timelineItems"]["nodes"] == []


async def test_place_in_a_team_is_shown_to_who_may_see_members(world: World) -> None:
    await world.forge.add_to_team("acme/owners", "bob")
    await world.forge.add_to_team("acme/owners", "eve", state="pending")
    ann, path = world.person("ann"), "/orgs/acme/teams/owners/memberships"
    seen = [await ann.get(f"{path}/{login}") for login in ("BOB", "eve", "ann")]
    assert [answer.status_code for answer in seen] == [200, 200, 404]
    assert [answer.json()["state"] for answer in seen[:2]] == ["active", "pending"]
    await world.forge.remove_from_team("acme/owners", "bob")
    assert (await ann.get(f"{path}/bob")).status_code == 404
    refused = await (await world.bot()).get(f"{path}/eve")
    assert refused.status_code == 403
