"""Delivery: once for each subscriber, however often and however late the sender retries."""

import threading

import pytest

from trigger_mesh.delivery import MAILBOX_SIZE, Mesh, Receipt
from trigger_mesh.events import Event
from trigger_mesh.subscriptions import Subscriptions


class CountingId(str):
    """An event id that counts how often it is compared with another."""

    comparisons: int

    def __new__(cls, value: str) -> "CountingId":
        made = super().__new__(cls, value)
        made.comparisons = 0
        return made

    def __eq__(self, other: object) -> bool:
        self.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.fixture
def mesh() -> Mesh:
    return Mesh(Subscriptions({"*": ["audit"], "orders.*": ["warehouse", "shop"]}))


def deliver_others(mesh: Mesh, count: int, prefix: str = "other") -> None:
    for i in range(count):
        mesh.deliver(Event(f"{prefix}-{i}", "billing.due"))


def test_event_reaches_every_matching_subscriber(mesh: Mesh) -> None:
    event = Event("e-1", "orders.created", {"total": 42})
    assert mesh.deliver(event) == Receipt(delivered=3, duplicates=0)
    assert mesh.mailbox("warehouse") == mesh.mailbox("audit") == (event,)


def test_other_topics_are_left_out(mesh: Mesh) -> None:
    assert mesh.deliver(Event("e-1", "billing.due")) == Receipt(delivered=1, duplicates=0)
    assert mesh.mailbox("warehouse") == ()


def test_unknown_subscriber_has_no_mailbox(mesh: Mesh) -> None:
    assert mesh.mailbox("nobody") is None


def test_retry_is_not_delivered_again(mesh: Mesh) -> None:
    event = Event("e-1", "orders.created")
    mesh.deliver(event)
    assert mesh.deliver(event) == Receipt(delivered=0, duplicates=3)
    assert mesh.mailbox("shop") == (event,)


def test_late_retry_is_not_delivered_again(mesh: Mesh) -> None:
    event = Event("e-1", "billing.due")
    mesh.deliver(event)
    deliver_others(mesh, 1000)
    assert mesh.deliver(event) == Receipt(delivered=0, duplicates=1)


def test_retry_on_another_topic_reaches_only_whom_it_missed(mesh: Mesh) -> None:
    mesh.deliver(Event("e-1", "billing.due"))
    assert mesh.deliver(Event("e-1", "orders.created")) == Receipt(delivered=2, duplicates=1)


def test_mailbox_keeps_the_latest(mesh: Mesh) -> None:
    deliver_others(mesh, MAILBOX_SIZE + 5)
    box = mesh.mailbox("audit")
    assert box is not None
    assert [event.id for event in box] == [f"other-{i}" for i in range(5, MAILBOX_SIZE + 5)]


def test_threads_that_retry_the_same_events_deliver_each_once(mesh: Mesh) -> None:
    receipts: list[Receipt] = []

    def send() -> None:
        for i in range(50):
            receipts.append(mesh.deliver(Event(f"e-{i}", "orders.created")))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(receipt.delivered for receipt in receipts) == 150


def test_delivery_cost_does_not_grow_with_history(mesh: Mesh) -> None:
    def cost(name: str) -> int:
        probe = CountingId(name)
        mesh.deliver(Event(probe, "orders.created"))
        return probe.comparisons

    deliver_others(mesh, 300, "early")
    early = cost("probe-1")
    deliver_others(mesh, 1500, "late")
    late = cost("probe-2")
    assert late <= early + 10, f"{early} comparisons after 300 events, {late} after 1800"
