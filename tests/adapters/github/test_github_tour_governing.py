"""Labels, stop issues, tickets and teams: what is read is what webhooks told, at a real forge."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from grace.adapters.github.translate import stops
from grace.domain.events import LabelSeen, TicketClosed
from grace.ports import LiveQuery
from support.tour import Tour


async def test_labels_of_a_sweep_are_those_that_webhooks_told(tour: Tour) -> None:
    await tour.person("ada", "POST", "/issues", title="slow", body="x", labels=["mission"])
    await tour.person("rex", "POST", "/issues/1/labels", labels=["approved", "old"])
    await tour.person("ada", "DELETE", "/issues/1/labels/old")
    routed, _ = await tour.heard()
    told = {e.label: e for e in (r.event for r in routed) if isinstance(e, LabelSeen)}
    [here] = await tour.forge.read_live([LiveQuery(ref=tour.ref, uid=UUID(int=1), issue=1)])
    [read] = here.labels
    assert {seen.label: seen for seen in read.seen} == told
    assert {name: (e.present, e.actor and e.actor.login) for name, e in told.items()} == {
        "mission": (True, "ada"),
        "approved": (True, "rex"),
        "old": (False, "ada"),
    }


async def test_stop_issues_are_those_that_webhooks_told(tour: Tour) -> None:
    await tour.person("ada", "POST", "/issues", title="wait", labels=["grace:stop"])
    await tour.person("rex", "PATCH", "/issues/1", state="closed")
    await tour.person("ada", "PATCH", "/issues/1", state="open")
    await tour.person("rex", "DELETE", "/issues/1/labels/grace:stop")
    await tour.local.idle()
    told = [word for delivery in tour.inbox.deliveries for word in stops(delivery, tour.ours)]
    assert [(w.open, w.actor and w.actor.login) for w in told] == [
        (True, "ada"),
        (False, "rex"),
        (True, "ada"),
        (False, "rex"),
    ]
    assert await tour.forge.stop_issues(tour.ref) == ()
    read = await tour.forge.stop_issues(tour.ref, [1, 404])
    # The forge writes the moment of each telling by itself, in whole seconds.
    for found, word in zip(read[:-1], told, strict=True):
        assert abs(found.at - word.at) <= timedelta(seconds=2)
        assert found == word.model_copy(update={"ref": tour.ref, "at": found.at})
    assert (read[-1].number, read[-1].open, read[-1].actor) == (404, False, None)


async def test_ticket_is_closed_in_the_news_as_by_webhook(tour: Tour) -> None:
    body = "<!-- grace:0f8fad5b-d9cb-469f-a165-70867728950e:capa -->"
    filed = await tour.forge.file_issue(tour.ref, "CAPA", body, ["capa"])
    await tour.person("eve", "POST", "/issues", title="CAPA", body=body)
    await tour.person("rex", "PATCH", f"/issues/{filed.number}", state="closed")
    await tour.person("rex", "POST", "/issues/2/labels", labels=["capa"])
    await tour.person("eve", "PATCH", "/issues/2", state="closed")
    routed, _ = await tour.heard()
    told = [r for r in routed if isinstance(r.event, TicketClosed)]
    assert [r.event.number for r in told if isinstance(r.event, TicketClosed)] == [filed.number]
    read = await tour.forge.news(tour.ref, "mission", datetime.now(UTC))
    closed = [r for r in read if isinstance(r.event, TicketClosed)]
    assert [r.event for r in closed] == [r.event for r in told]
    assert [r.target.uid for r in closed] == [r.target.uid for r in told]


async def test_who_joined_a_team_is_in_it(tour: Tour) -> None:
    await tour.local.add_to_team("acme/owners", "rex")
    await tour.local.add_to_team("acme/owners", "eve", state="pending")
    team = [await tour.forge.in_team(tour.ref, "acme/owners", n) for n in ("rex", "eve", "ada")]
    assert team == [True, False, False]
