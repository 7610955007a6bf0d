import pytest

from grace.runner.action import ActionFailed, WrongTarget
from support.service_servers import redis_at
from support.service_steps import killed_at, resumed, situated, taken

KEYS = {f"page:{n}": "x" for n in range(700)} | {"user:1": "x", "pa?e": "x", "page": "x"}
FEW = {key: KEYS[key] for key in ("page:1", "page:2", "page:3", "user:1")}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with redis_at(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
def cache(server):
    path, client = server
    client.flushall()
    client.set("grace:identity", "shop cache")
    client.mset(KEYS)
    target = {
        "kind": "redis",
        "unix_socket": str(path),
        "db": 0,
        "cache": True,
        "expect_marker": "shop cache",
    }
    return client, target


def test_the_configured_number_is_emptied_and_keeps_its_identity(cache, tmp_path):
    client, target = cache
    client.execute_command("SELECT", 1)
    client.set("elsewhere", "1")
    client.execute_command("SELECT", 0)
    state, found = taken("redis.flush", situated("redis.flush", tmp_path, target))
    assert (state, found.sentence) == ("done", "703 keys of database 0 were removed")
    assert client.keys() == ["grace:identity"]
    assert client.info("keyspace")["db1"]["keys"] == 1


def test_run_twice_the_second_finds_nothing_to_do(cache, tmp_path):
    _, target = cache
    taken("redis.flush", situated("redis.flush", tmp_path / "1", target))
    state, found = taken("redis.flush", situated("redis.flush", tmp_path / "2", target, key="2"))
    assert (state, found.sentence) == ("needless", "database 0 has no keys")


@pytest.mark.parametrize(("prefix", "gone"), [("page:", 700), ("pa?", 1), ("nothing", 0)])
def test_one_prefix_goes_and_everything_else_stays(cache, tmp_path, prefix, gone):
    client, target = cache
    before = set(client.keys())
    state, found = taken(
        "redis.flush", situated("redis.flush", tmp_path, target, {"prefix": prefix})
    )
    assert state == ("done" if gone else "needless")
    assert found.values["keys"] == gone
    assert before - set(client.keys()) == {key for key in KEYS if key.startswith(prefix)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"expect_marker": "another"}, "is shop cache, expected another; nothing was done"),
        ({"db": 1}, "is missing, expected shop cache"),
        ({"expect_marker": ""}, "nothing says which Redis is meant"),
        ({"expect_run_id": "0" * 40}, "its run_id is "),
        ({"expect_tcp_port": "6379"}, "its tcp_port is 0, expected 6379"),
    ],
)
def test_on_the_wrong_target_nothing_changes(cache, tmp_path, changed, said):
    client, target = cache
    before = sorted(client.keys())
    with pytest.raises(WrongTarget, match=said):
        taken("redis.flush", situated("redis.flush", tmp_path, {**target, **changed}))
    assert sorted(client.keys()) == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cache": False}, "not said to be a cache"),
        ({"unix_socket": "/nowhere.sock"}, "cannot be reached"),
        ({"password": "s3cret", "username": "me"}, "refused the target's user or password"),
    ],
)
def test_what_cannot_be_flushed_is_refused_in_words(cache, tmp_path, changed, said):
    client, target = cache
    with pytest.raises(ActionFailed, match=said) as refused:
        taken("redis.flush", situated("redis.flush", tmp_path, {**target, **changed}))
    assert "s3cret" not in refused.value.sentence
    assert client.dbsize() == len(KEYS) + 1


def test_a_replica_is_never_flushed(cache, tmp_path):
    client, target = cache
    client.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(ActionFailed, match="is a replica"):
            taken("redis.flush", situated("redis.flush", tmp_path, target))
    finally:
        client.replicaof("NO", "ONE")
    assert client.dbsize() == len(KEYS) + 1


def flushed_after_a_kill(cache, folder, line, prefix):
    client, target = cache
    client.flushall()
    client.set("grace:identity", "shop cache")
    client.mset(FEW)
    situation = situated("redis.flush", folder, target, {"prefix": prefix})
    killed = killed_at("redis.flush", situation, line)
    assert resumed("redis.flush", situation).holds
    left = set(client.keys())
    assert left == {k for k in FEW if not k.startswith(prefix)} | {"grace:identity"}
    return killed


@pytest.mark.parametrize("line", [40])
def test_killed_at_a_line_it_is_flushed_by_the_next_try(cache, tmp_path, line):
    assert flushed_after_a_kill(cache, tmp_path, line, "")


@pytest.mark.stress
@pytest.mark.parametrize("prefix", ["", "page:"])
def test_killed_at_every_line_it_is_flushed_by_the_next_try(cache, tmp_path, prefix):
    line = 1
    while flushed_after_a_kill(cache, tmp_path / str(line), line, prefix):
        line += 1
    assert line > 50
