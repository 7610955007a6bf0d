import json
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.ci import load
from grace.ci.errors import LoadFailed
from grace.ci.service import serving


def entry(times: dict[str, int], failures: int = 0, **more: object) -> dict[str, object]:
    return {
        "num_requests": sum(times.values()),
        "num_failures": failures,
        "start_time": 100.0,
        "last_request_timestamp": 110.0,
        "response_times": times,
        **more,
    }


def summarise(*entries: dict[str, object]) -> object:
    return load.summarise(json.dumps(entries).encode(), subject="head", job="stress")


def test_percentiles_come_from_the_merged_histogram():
    one = entry({"10": 90, "200": 5})
    two = entry({"300": 4, "1000": 1}, failures=2, last_request_timestamp=120.0)
    report = load.summarise(json.dumps([one, two]).encode(), subject="base", job="stress")
    assert (report.p50_ms, report.p95_ms, report.p99_ms) == (10, 200, 300)
    assert (report.requests, report.failures, report.error_rate) == (100, 2, 2.0)
    assert (report.duration_s, report.throughput_rps) == (20.0, 5.0)
    assert report.subject == "base"


@given(st.dictionaries(st.integers(0, 5000), st.integers(1, 50), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_nearest_rank(times, percent):
    samples = sorted(value for value, count in times.items() for _ in range(count))
    rank = -(-len(samples) * percent // 100)
    assert load.percentile(times, percent) == samples[rank - 1]


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        ([], "no request was answered"),
        ([entry({})], "no request was answered"),
        ([entry({"1": 3}, failures=3)], "all 3 requests failed"),
        ([{"name": "/"}], "not as expected"),
    ],
)
def test_statistics_that_say_nothing_are_an_error(entries, error):
    with pytest.raises(LoadFailed, match=error):
        summarise(*entries)


def spec(tmp_path: Path, url: str) -> load.LoadSpec:
    file = tmp_path / "locustfile.py"
    file.write_text(
        textwrap.dedent("""
        from locust import HttpUser, constant, task
        class User(HttpUser):
            wait_time = constant(0.02)
            @task
            def ask(self):
                self.client.get("/x")
    """)
    )
    return load.LoadSpec(locustfile=file, host=url, users=4, spawn_rate=100, duration_s=2)


def test_locust_measures_a_real_service(tmp_path, serve):
    def answer(web, path, body):
        return (500, b"no") if len(web.seen) % 4 == 0 else (200, b"ok")

    web = serve(answer)
    report = load.run(spec(tmp_path, web.url), subject="head", job="stress")
    assert report.requests > 20
    assert report.duration_s > 1.5, "locust's clock was stale: the load was cut short"
    assert report.error_rate == pytest.approx(25, abs=5)
    assert 0 < report.p50_ms <= report.p95_ms <= report.p99_ms


def test_a_service_that_never_answers_is_an_error_and_no_hang(tmp_path, serve):
    def answer(web, path, body):
        time.sleep(30)
        return 200, b""

    began = time.monotonic()
    with pytest.raises(LoadFailed, match="no request was answered"):
        load.run(spec(tmp_path, serve(answer).url), subject="head", job="stress")
    assert time.monotonic() - began < 15


def test_a_locust_file_that_is_not_there_is_named(tmp_path):
    wanted = spec(tmp_path, "http://127.0.0.1:1").model_copy(update={"locustfile": tmp_path / "x"})
    with pytest.raises(LoadFailed, match="no locust file"):
        load.run(wanted, subject="head", job="stress")


def test_a_service_that_ends_early_or_never_gets_healthy_is_an_error(tmp_path):
    with (
        pytest.raises(LoadFailed, match="ended with status 3"),
        serving("exit 3", cwd=tmp_path, health="/", within_s=10),
    ):
        pytest.fail("it was served")
    with (
        pytest.raises(LoadFailed, match=r"did not answer /health in 0\.3 s"),
        serving("sleep 60", cwd=tmp_path, health="/health", within_s=0.3),
    ):
        pytest.fail("it was served")
