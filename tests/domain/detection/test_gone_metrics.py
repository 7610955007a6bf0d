"""Metrics that vanish, sources that are down, and our own network."""

import pytest

from grace.domain.catalog import (
    ForgeFigure,
    HostFigure,
    JsonPage,
    PrometheusQuery,
    PrometheusText,
    Source,
    SqlQuery,
)
from grace.domain.detection.gone import Places, Silence, place_of


def test_metric_is_gone_after_its_time_and_since_its_last_answer() -> None:
    silence = Silence(45)
    assert silence.observe(0, there=True) is None
    assert [silence.observe(at, there=False) for at in (15, 30, 45)] == [None, None, 0]
    assert silence.observe(60, there=True) is None
    assert silence.observe(75, there=False) is None


def test_metric_that_never_answered_is_not_gone() -> None:
    silence = Silence(45)
    assert not any(silence.observe(at, there=False) for at in range(0, 600, 15))


def test_time_in_which_nobody_asked_is_no_silence() -> None:
    silence = Silence(45)
    silence.observe(0, there=True)
    found = [silence.observe(at, there=False) for at in (3600, 3615, 3630, 3645)]
    assert found == [None, None, None, 3600]


def test_one_empty_answer_is_a_hiccup_however_late() -> None:
    silence = Silence(10)
    silence.observe(0, there=True)
    assert silence.observe(9.5, there=False) is None
    assert silence.observe(24.5, there=False) == 0


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (PrometheusText(url="http://a.test:9100/metrics", series="s"), "http://a.test:9100"),
        (PrometheusQuery(url="https://u:p@A.test/prom?x=1", query="q"), "https://a.test"),
        (JsonPage(url="http://a.test?b", path="c"), "http://a.test"),
        (JsonPage(url="http://[broken", path="c"), "http://[broken"),
        (SqlQuery(url_env="DB_URL", query="q"), "sql:DB_URL"),
        (HostFigure(figure="cpu_percent"), "host:"),
        (ForgeFigure(figure="ci_duration", subsystem="mesh"), "forge:"),
    ],
)
def test_what_fails_together_has_one_name(source: Source, place: str) -> None:
    assert place_of(source) == place


def page(url: str) -> PrometheusText:
    return PrometheusText(url=url, series="s")


def test_source_is_down_where_all_of_its_metrics_are_silent() -> None:
    places = Places({"a": page("http://x/1"), "b": page("http://x/2"), "c": page("http://y")})
    assert places.of("a") == places.of("b") == "http://x"
    assert places.of("unknown") is None
    assert places.down({"a"}) == frozenset()
    assert places.down({"a", "b", "unknown"}) == {"http://x"}
    assert places.down({"c"}) == frozenset()  # one metric alone: the metric is gone


def test_nothing_from_anywhere_is_our_own_network() -> None:
    far = {"a": page("http://x.test"), "b": page("https://10.0.0.7:9090")}
    near = {
        "c": page("http://127.0.0.1:8080"),
        "d": page("http://localhost"),
        "e": HostFigure(figure="load_1m"),
        "f": page("http://[::1]:80/"),
    }
    places = Places(far | near)
    assert places.blind({"a", "b"})
    assert not places.blind({"a"})
    assert not places.blind({"a", "c", "d"})


def test_one_far_source_alone_is_the_source_itself() -> None:
    assert not Places({"a": page("http://x.test"), "b": page("http://x.test")}).blind({"a", "b"})


def test_the_forge_lies_beyond_this_machine() -> None:
    places = Places(
        {"a": page("http://x.test"), "b": ForgeFigure(figure="ci_queue", subsystem="mesh")}
    )
    assert places.blind({"a", "b"})
