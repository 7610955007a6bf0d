"""Which subscribers a topic has."""

from trigger_mesh.subscriptions import Subscriptions, load


def test_star_matches_any_run_of_characters() -> None:
    subscriptions = Subscriptions({"*": ["all"], "a.*": ["a"], "*.z": ["z"], "a.b": ["exact"]})
    assert subscriptions.matching("a.b") == ("all", "a", "exact")
    assert subscriptions.matching("a.y.z") == ("all", "a", "z")
    assert subscriptions.matching("q") == ("all",)


def test_matching_the_same_topic_again_gives_the_same() -> None:
    subscriptions = Subscriptions({"a.*": ["a"]})
    assert subscriptions.matching("a.b") == subscriptions.matching("a.b") == ("a",)


def test_subscriber_of_two_patterns_is_named_once() -> None:
    assert Subscriptions({"*": ["a"], "x": ["a", "b"]}).matching("x") == ("a", "b")


def test_every_order_goes_to_all_warehouses_and_the_audit() -> None:
    names = load().matching("orders.created")
    assert len(names) == 101
    assert "audit" in names
