import threading

import pytest

from grace.runner.action import ActionFailed, WrongTarget
from grace.runner.actions.http_actions import percentile
from grace.runner.actions.http_client import plain
from grace.runner.registry import action_named
from support.leaky_service import serve
from support.service_servers import redis_at
from support.service_steps import killed_at, resumed, situated, taken


@pytest.fixture
def service():
    with serve(0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def target(service):
    url = f"http://127.0.0.1:{service.server_port}"
    return {
        "kind": "http",
        "identity_url": f"{url}/identity",
        "expect_identity": "shop",
        "probe_url": f"{url}/page?key=s3cret",
        "warm_urls": f"{url}/1, {url}/2\n{url}/3",
        "heap_url": f"{url}/heap",
        "collect_url": f"{url}/collect",
        "max_latency_ms": 5000,
    }


@pytest.mark.parametrize(
    ("field", "header", "expected"),
    [("", "", "shop"), ("at.name", "", "eu-1"), ("", "X-Service", "shop")],
)
def test_a_service_is_known_by_a_field_or_a_header(target, tmp_path, field, header, expected):
    more = {"identity_field": field, "identity_header": header, "expect_identity": expected}
    situation = situated("http.latency", tmp_path, {**target, **more})
    action_named("http.latency").identify(situation)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"expect_identity": "bank"}, WrongTarget, "its field service is shop, expected bank"),
        ({"identity_field": "at.none"}, WrongTarget, "its field at.none is missing"),
        ({"identity_header": "X-None"}, WrongTarget, "its header X-None is missing"),
        ({"identity_url": "http://127.0.0.1:1/"}, ActionFailed, "does not answer: ConnectError"),
        ({"identity_url": "no address"}, ActionFailed, "does not answer"),
        ({"expect_identity": ""}, WrongTarget, "set `expect_identity` in the runner"),
    ],
)
def test_another_service_is_refused_and_asked_for_nothing(
    service, target, tmp_path, *, changed, error, said
):
    with pytest.raises(error, match=said):
        taken("http.warm", situated("http.warm", tmp_path, {**target, **changed}))
    assert not {"/1", "/2", "/3"} & set(service.state.asked)


def test_latency_is_measured_and_compared(target, tmp_path):
    fast = situated("http.latency", tmp_path, target, {"requests": 5})
    found = action_named("http.latency").look(fast)
    assert found.holds
    assert found.values["requests"] == 5
    assert "s3cret" not in found.sentence
    slow = situated("http.latency", tmp_path, target, {"requests": 3, "max_ms": 0.001})
    assert "it should be at most 0.001 ms" in action_named("http.latency").look(slow).sentence
    url = target["heap_url"].replace("heap", "missing")
    failing = situated("http.latency", tmp_path, {**target, "probe_url": url}, {"requests": 2})
    found = action_named("http.latency").look(failing)
    assert (found.holds, found.values["failed"]) == (False, 2)
    assert found.sentence.endswith(", and 2 failed")


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([3, 1, 2], 50, 2), ([5], 95, 5), (range(1, 101), 95, 95), (range(1, 101), 100, 100)],
)
def test_a_percentile_is_the_nearest_rank(values, percent, expected):
    assert percentile(list(values), percent) == expected


def test_each_address_is_asked_for_and_a_missing_one_is_told(service, target, tmp_path):
    state, found = taken("http.warm", situated("http.warm", tmp_path, target))
    assert (state, found.sentence) == ("done", "3 addresses were asked for")
    assert [path for path in service.state.asked if len(path) == 2] == ["/1", "/2", "/3"]
    broken = {**target, "warm_urls": target["heap_url"].replace("heap", "missing")}
    with pytest.raises(ActionFailed, match="/missing answered 404"):
        taken("http.warm", situated("http.warm", tmp_path, broken, key="2"))


@pytest.mark.stress
def test_killed_while_warming_the_next_try_warms_all(service, target, tmp_path):
    situation = situated("http.warm", tmp_path, target)
    assert killed_at("http.warm", situation, 40)
    assert resumed("http.warm", situation).holds
    assert service.state.asked.count("/3") == 1


@pytest.mark.stress
def test_a_cache_is_warmed_through_the_service_beside_it(target, tmp_path):
    with redis_at(tmp_path) as (path, client):
        client.set("grace:identity", "shop")
        beside = {"kind": "redis", "unix_socket": str(path), "db": 0, "expect_marker": "shop"}
        situation = situated("http.warm", tmp_path / "run", {**target, **beside})
        assert taken("http.warm", situation)[0] == "done"


def test_the_heap_report_is_kept(target, tmp_path):
    found = action_named("http.heap").look(situated("http.heap", tmp_path, target))
    assert found.values == {"top_1": "0 blocks are kept", "top_2": "biggest: State.kept"}
    assert (tmp_path / "heap.txt").read_text().startswith("0 blocks")


def test_garbage_is_collected_by_the_hook(service, target, tmp_path):
    service.state.garbage += [b"x"] * 7
    state, found = taken("http.collect", situated("http.collect", tmp_path, target))
    assert (state, found.values["answer"]) == ("done", "let go of 7")
    assert service.state.garbage == []
    with pytest.raises(ActionFailed, match="no setting `collect_url`"):
        taken("http.collect", situated("http.collect", tmp_path, {**target, "collect_url": ""}))


def test_an_address_is_told_without_user_password_and_query():
    assert plain("https://me:s3cret@shop.example:8443/a?key=s3cret") == (
        "https://shop.example:8443/a"
    )


@pytest.mark.parametrize("action", ["http.warm", "http.heap", "http.collect", "http.latency"])
def test_nothing_of_this_is_taken_back(target, tmp_path, action):
    with pytest.raises(ActionFailed, match="cannot be taken back"):
        action_named(action).undo(situated(action, tmp_path, target))
