"""Whoever is asked about is an account: by login, and by its number where that is known."""

from datetime import timedelta

from grace.domain import effects as fx
from grace.domain import events as ev
from support.phases import review
from support.world import World, issue_body

RITA = ev.Actor(login="rita", id=7)


def asked(world, about):
    return {e.user_id for e in world.asked(fx.ReadPermission) if e.about.startswith(about)}


def test_who_filed_and_who_edited():
    world = World()
    for sender, body in (
        (RITA, issue_body()),
        (ev.Actor(login="max", id=8), issue_body(window="2")),
    ):
        world.deliver(
            ev.IssueSeen(
                number=1,
                title="t",
                body=body,
                author=RITA,
                sender=sender,
                updated_at=world.now,
                edited=True,
            )
        )
    assert asked(world, "filed:") == {7}
    assert asked(world, "edited:") == {8}


def test_who_reviews_and_again_before_the_merge():
    world = World().file()
    world.deliver(review(world, id="r1", actor=RITA, sha=world.head, pull=2))
    world.settle()
    assert asked(world, "review:r1") == {7}
    before = len(world.asked(fx.ReadPermission))
    world.now += timedelta(minutes=10)
    world.ci()
    again = world.asked(fx.ReadPermission)[before:]
    assert [(e.login, e.user_id) for e in again if e.about == "review:r1"] == [("rita", 7)]
