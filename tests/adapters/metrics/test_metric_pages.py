import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.metrics.page import NotAPage, PageReader
from grace.domain.catalog import MetricDefinition, PrometheusText

HISTOGRAM = """\
# TYPE d histogram
d_bucket{{route="a",le="0.1"}} {low}
d_bucket{{route="a",le="0.2"}} {mid}
d_bucket{{route="a",le="+Inf"}} {all}
d_sum{{route="a"}} 1.5
d_count{{route="a"}} {all}
"""
COUNTERS = """\
# HELP errors_total Errors.
# TYPE errors_total counter
errors_total{{route="a"}} {a}
errors_total{{route="b"}} {b}
# TYPE requests_total counter
requests_total{{route="a"}} {ra}
requests_total{{route="b"}} {rb}
"""


def text(server, series, **more):
    return PrometheusText(url=f"{server.url}/metrics", series=series, **more)


async def test_a_gauge_is_read_as_it_stands(metrics, server, clock):
    server.text = '# TYPE cpu gauge\ncpu{core="0"} 0.25\ncpu{core="1"} 0.5\ncpu_max 9\n'
    source = text(server, "cpu", labels={"core": "1"}, scale=100)
    seen = await metrics.sample("infra.cpu_utilization", source, "%")
    assert (seen.value, seen.note, seen.window_s, seen.samples) == (50, "", 0, 1)
    assert (seen.metric_id, seen.unit, seen.at) == ("infra.cpu_utilization", "%", clock.now())
    assert seen.source == f"{server.url}/metrics"


async def test_several_series_are_no_value(metrics, server):
    server.text = 'cpu{core="0"} 0.25\ncpu{core="1"} 0.5\n'
    seen = await metrics.sample("cpu", text(server, "cpu"), "%")
    assert seen.value is None
    assert seen.note == "2 series match cpu: narrow it by labels to one"


async def test_an_absent_series_is_no_value(metrics, server):
    server.text = 'cpu{core="0"} 0.25\n'
    seen = await metrics.sample("cpu", text(server, "cpu", labels={"core": "7"}), "%")
    assert (seen.value, seen.note) == (None, 'the page has no series cpu{core="7"}')


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
async def test_what_is_no_finite_number_is_no_value(metrics, server, value):
    server.text = f"cpu {value}\n"
    seen = await metrics.sample("cpu", text(server, "cpu"), "%")
    assert seen.value is None
    assert "no number to judge by" in seen.note


async def test_scaling_past_all_numbers_is_no_value(metrics, server):
    server.text = "cpu 1e308\n"
    seen = await metrics.sample("cpu", text(server, "cpu", scale=1e10), "%")
    assert seen.value is None


async def test_a_quantile_is_that_of_the_increase_since_the_last_look(metrics, server, clock):
    source = text(server, "d", quantile=0.95, scale=1000)
    server.text = HISTOGRAM.format(low=1000, mid=1000, all=1000)
    first = await metrics.sample("p95", source, "ms")
    assert (first.value, first.note) == (None, "first look: nothing to compare with")
    clock.pass_(15)
    server.text = HISTOGRAM.format(low=1090, mid=1100, all=1100)
    second = await metrics.sample("p95", source, "ms")
    assert second.value == pytest.approx(150)
    assert (second.window_s, second.samples, second.note) == (15, 100, "")
    clock.pass_(5)
    third = await metrics.sample("p95", source, "ms")
    assert (third.value, third.note) == (None, "nothing was observed since the last look")


async def test_a_quantile_above_the_top_bucket_says_that_it_is_more(metrics, server, clock):
    source = text(server, "d", quantile=0.95)
    server.text = HISTOGRAM.format(low=0, mid=0, all=0)
    await metrics.sample("p95", source, "s")
    clock.pass_(15)
    server.text = HISTOGRAM.format(low=10, mid=10, all=100)
    seen = await metrics.sample("p95", source, "s")
    assert seen.value == pytest.approx(0.2)
    assert seen.note.startswith("at least this")


async def test_buckets_of_several_series_are_summed(metrics, server, clock):
    source = text(server, "d", quantile=0.5)
    one = HISTOGRAM.format(low=0, mid=0, all=0)
    server.text = one + one.replace('"a"', '"b"')
    await metrics.sample("p50", source, "s")
    clock.pass_(10)
    server.text = HISTOGRAM.format(low=10, mid=10, all=10)
    server.text += HISTOGRAM.format(low=0, mid=10, all=10).replace('"a"', '"b"')
    assert (await metrics.sample("p50", source, "s")).value == pytest.approx(0.1)
    only_b = text(server, "d", quantile=0.5, labels={"route": "b"})
    await metrics.sample("p50", only_b, "s")
    clock.pass_(10)
    server.text = HISTOGRAM.format(low=99, mid=99, all=99)
    server.text += HISTOGRAM.format(low=0, mid=20, all=20).replace('"a"', '"b"')
    assert (await metrics.sample("p50", only_b, "s")).value == pytest.approx(0.15)


RESET = "a counter was reset since the last look: counted from zero"


async def test_after_a_counter_reset_it_is_counted_from_zero(metrics, server, clock):
    source = text(server, "d", quantile=0.5)
    server.text = HISTOGRAM.format(low=50, mid=50, all=60)
    await metrics.sample("p50", source, "s")
    clock.pass_(10)
    # Only the first bucket fell, which shows that the whole histogram began anew.
    server.text = HISTOGRAM.format(low=0, mid=60, all=60)
    seen = await metrics.sample("p50", source, "s")
    assert (seen.value, seen.samples, seen.note) == (pytest.approx(0.15), 60, RESET)
    clock.pass_(10)
    server.text = HISTOGRAM.format(low=10, mid=70, all=70)
    after = await metrics.sample("p50", source, "s")
    assert (after.value, after.samples, after.note) == (pytest.approx(0.05), 10, "")


async def test_one_series_that_was_reset_leaves_the_others_alone(metrics, server, clock):
    source = text(server, "errors_total", per="requests_total")
    server.text = COUNTERS.format(a=10, b=50, ra=100, rb=500)
    await metrics.sample("e", source, "%")
    clock.pass_(10)
    server.text = COUNTERS.format(a=10, b=1, ra=110, rb=10)
    seen = await metrics.sample("e", source, "%")
    assert (seen.value, seen.samples, seen.note) == (pytest.approx(1 / 20), 20, RESET)


async def test_a_restart_is_seen_though_every_counter_rose(metrics, server, clock):
    source = text(server, "errors_total", per="requests_total")
    counters = COUNTERS.format(a=1, b=1, ra=10, rb=10)
    server.text = counters + "process_start_time_seconds 100\n"
    await metrics.sample("e", source, "%")
    clock.pass_(10)
    more = COUNTERS.format(a=2, b=2, ra=20, rb=20)
    server.text = more + "process_start_time_seconds 200\n"
    seen = await metrics.sample("e", source, "%")
    assert (seen.value, seen.samples, seen.note) == (pytest.approx(0.1), 40, RESET)


async def test_a_ratio_is_that_of_two_increases(metrics, server, clock):
    source = text(server, "errors_total", per="requests_total", scale=100)
    server.text = COUNTERS.format(a=5, b=0, ra=100, rb=100)
    assert (await metrics.sample("error_rate", source, "%")).value is None
    clock.pass_(20)
    server.text = COUNTERS.format(a=7, b=1, ra=130, rb=120)
    seen = await metrics.sample("error_rate", source, "%")
    assert seen.value == pytest.approx(6)
    assert (seen.window_s, seen.samples) == (20, 50)
    clock.pass_(20)
    idle = await metrics.sample("error_rate", source, "%")
    assert (idle.value, idle.note) == (None, "requests_total did not rise since the last look")
    assert idle.idle


async def test_a_series_that_was_not_there_began_at_zero(metrics, server, clock):
    source = text(server, "errors_total", per="requests_total")
    server.text = COUNTERS.format(a=1, b=0, ra=100, rb=0).replace('errors_total{route="b"} 0', "")
    await metrics.sample("error_rate", source, "")
    clock.pass_(10)
    server.text = COUNTERS.format(a=1, b=5, ra=110, rb=0)
    assert (await metrics.sample("error_rate", source, "")).value == pytest.approx(0.5)


async def test_a_series_that_vanished_is_no_value(metrics, server, clock):
    source = text(server, "errors_total", per="requests_total")
    server.text = COUNTERS.format(a=1, b=1, ra=100, rb=100)
    await metrics.sample("error_rate", source, "")
    clock.pass_(10)
    page = COUNTERS.format(a=2, b=2, ra=200, rb=200)
    server.text = page.replace('errors_total{route="b"} 2', "")
    seen = await metrics.sample("error_rate", source, "")
    assert seen.value is None
    assert seen.note == 'the series errors_total{route="b"} vanished since the last look'
    clock.pass_(10)
    assert "did not rise" in (await metrics.sample("error_rate", source, "")).note


async def test_a_look_that_is_too_old_is_not_compared_with(metrics, server, clock):
    source = text(server, "errors_total", per="requests_total")
    server.text = COUNTERS.format(a=1, b=0, ra=100, rb=0)
    await metrics.sample("error_rate", source, "")
    clock.pass_(61)
    server.text = COUNTERS.format(a=2, b=0, ra=200, rb=0)
    seen = await metrics.sample("error_rate", source, "")
    assert (seen.value, seen.note) == (
        None,
        "first look: nothing to compare with: the one before is 61 s old",
    )
    clock.pass_(10)
    server.text = COUNTERS.format(a=3, b=0, ra=300, rb=0)
    assert (await metrics.sample("error_rate", source, "")).value == pytest.approx(0.01)


async def test_no_time_between_two_looks_is_no_value(metrics, server):
    source = text(server, "errors_total", per="requests_total")
    server.text = COUNTERS.format(a=1, b=0, ra=100, rb=0)
    await metrics.sample("error_rate", source, "")
    seen = await metrics.sample("error_rate", source, "")
    assert (seen.value, seen.note) == (None, "no time has passed since the last look")


def stamped(clock, age):
    return int((clock.now().timestamp() - age) * 1000)


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (299, (5, "")),
        (301, (None, "stale: the source's newest value is 301 s old")),
        (-10, (5, "")),
        (-60, (5, "the source's clock is 60 s ahead of ours: taken as of now")),
    ],
)
async def test_a_page_that_tells_its_time_is_taken_at_its_word(metrics, server, clock, age, told):
    server.text = f"cpu 5 {stamped(clock, age)}\n"
    seen = await metrics.sample("cpu", text(server, "cpu"), "%")
    assert (seen.value, seen.note) == told
    assert (seen.at, seen.idle) == (clock.now(), False)


async def test_counters_that_stopped_being_told_are_stale(metrics, server, clock):
    source = text(server, "errors_total", per="requests_total")
    stamp = stamped(clock, 0)
    for _ in range(30):
        page = COUNTERS.format(a=1, b=1, ra=100, rb=100)
        server.text = "".join(f"{line} {stamp}\n" for line in page.splitlines() if line[0] != "#")
        seen = await metrics.sample("error_rate", source, "")
        clock.pass_(15)
    # Its counters did not rise, which alone would be a service that nobody asks.
    assert (seen.value, seen.idle) == (None, False)
    assert seen.note == "stale: the source's newest value is 435 s old"


async def test_both_a_reset_and_a_clock_ahead_are_told(metrics, server, clock):
    source = text(server, "d", quantile=0.5)
    for low in (50, 5):
        page = HISTOGRAM.format(low=low, mid=low, all=low)
        lines = [line for line in page.splitlines() if line[0] != "#"]
        server.text = "".join(f"{line} {stamped(clock, -30)}\n" for line in lines)
        seen = await metrics.sample("p50", source, "s")
        clock.pass_(10)
    assert seen.value == pytest.approx(0.05)
    assert seen.note == f"{RESET}; the source's clock is 30 s ahead of ours: taken as of now"


async def test_when_the_beginning_is_told_for_the_first_time_nothing_began(metrics, server, clock):
    source = text(server, "errors_total", per="requests_total")
    server.text = COUNTERS.format(a=1, b=1, ra=10, rb=10)
    await metrics.sample("e", source, "%")
    clock.pass_(10)
    server.text = COUNTERS.format(a=2, b=1, ra=20, rb=10) + "process_start_time_seconds 100\n"
    seen = await metrics.sample("e", source, "%")
    assert (seen.value, seen.samples, seen.note) == (pytest.approx(0.1), 10, "")


async def test_metrics_of_one_page_share_one_request(metrics, server, clock):
    server.text = HISTOGRAM.format(low=0, mid=0, all=0) + "up 1\n"
    wanted = {
        "p50": definition(text(server, "d", quantile=0.5)),
        "stress_only": definition(None),
        "p95": definition(text(server, "d", quantile=0.95)),
        "up": definition(text(server, "up")),
    }
    await metrics.sample_all(wanted)
    clock.pass_(10)
    server.text = HISTOGRAM.format(low=10, mid=20, all=20) + "up 1\n"
    seen = await metrics.sample_all(wanted)
    assert len(server.requests) == 2
    assert [o.metric_id for o in seen] == list(wanted)
    assert [o.value for o in seen] == [
        pytest.approx(0.1),
        None,
        pytest.approx(0.19),
        1,
    ]
    assert seen[1].note == "the catalog names no source for live samples of this metric"


def definition(source):
    return MetricDefinition(target=1, comparator="<", unit="s", source=source)


def test_only_the_lines_asked_for_are_read():
    text = 'a{x="1",y="\\"}"} 1 1700000000500\nb nonsense\n\n  \n{}\na 2\nab 3\n'
    page = PageReader().read(text, {"a"})
    labelled = (("x", "1"), ("y", '"}'))
    assert page.named == {"a": {labelled: 1, (): 2}}
    assert page.stamps == {("a", labelled): 1700000000.5}


def test_what_a_reader_remembers_is_read_the_same_again():
    reader = PageReader()
    first = reader.read('a{y="2",x="1"} 1\n a 5\n', {"a"})
    again = reader.read('a{y="2",x="1"} 2\n a 6\n', {"a"})
    assert first.named == {"a": {(("x", "1"), ("y", "2")): 1, (): 5}}
    assert again.named == {"a": {(("x", "1"), ("y", "2")): 2, (): 6}}


def test_a_series_among_many_is_found_by_any_of_its_labels():
    lines = "".join(f'm{{n="{i}",half="{i % 2}"}} {i}\n' for i in range(100))
    page = PageReader().read(lines, {"m"})
    assert list(page.matching("m", {"n": "42"}).values()) == [42]
    assert list(page.matching("m", {"half": "1", "n": "43"}).values()) == [43]
    assert not page.matching("m", {"half": "0", "n": "43"})
    assert len(page.matching("m", {"half": "0"})) == 50
    assert not page.matching("m", {"other": "0"})
    assert len(page.matching("m", {})) == 100


@pytest.mark.parametrize(
    "line",
    [
        'a{x="1} 2',
        "a one",
        "a{x=1} 2",
        "a",
        "a 1_000",
        'a{x="1"',
        "a " + "9" * 400,
        'a{ ="x"} 1',
        "a 1 2 3",
        "a 1 soon",
        "a 1 NaN",
    ],
)
def test_a_line_that_cannot_be_read_is_told(line):
    with pytest.raises(NotAPage, match="not Prometheus text"):
        PageReader().read(f"{line}\n", {"a"})


@given(st.text(st.sampled_from('ab{}="\\, \t\n#1.eE+-NaInf_le'), max_size=60))
def test_whatever_a_page_says_it_is_read_or_refused(garbage):
    try:
        page = PageReader().read(garbage, {"a", "b"})
    except NotAPage:
        return
    values = [value for series in page.named.values() for value in series.values()]
    assert all(isinstance(v, float) or math.isnan(v) for v in values)
