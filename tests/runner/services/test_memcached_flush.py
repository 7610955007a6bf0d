import contextlib
import socket

import pytest

from grace.runner.action import ActionFailed, WrongTarget
from grace.runner.actions.memcached_server import Memcached
from support.service_servers import memcached_at
from support.service_steps import killed_at, resumed, situated, taken


@pytest.fixture(scope="module")
def where(tmp_path_factory):
    with memcached_at(tmp_path_factory.mktemp("memcached")) as path:
        yield path


@contextlib.contextmanager
def connected(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        with contextlib.closing(Memcached(connection)) as server:
            yield server


@pytest.fixture
def cache(where):
    with connected(where) as server:
        fill(server)
        target = {"kind": "memcached", "unix_socket": str(where), "expect_marker": "shop"}
        yield server, target


def fill(server):
    server.store("set", "grace:identity", "shop")
    server.store("set", "generation", "7")
    server.store("set", "page:1", "x" * 100)


def test_everything_goes_and_the_identity_stays(cache, tmp_path):
    server, target = cache
    state, found = taken("memcached.flush", situated("memcached.flush", tmp_path, target))
    assert state == "done"
    assert found.sentence.endswith("items are gone")
    assert [server.get(key) for key in ("page:1", "generation", "grace:identity")] == [
        None,
        None,
        "shop",
    ]


def test_a_generation_ends_without_anything_else_being_lost(cache, tmp_path):
    server, target = cache
    given = {"generation_key": "generation"}
    state, found = taken("memcached.flush", situated("memcached.flush", tmp_path, target, given))
    assert (state, found.sentence) == ("done", "it is generation 8 now")
    assert server.get("page:1") == "x" * 100


@pytest.mark.parametrize(
    ("changed", "given", "said"),
    [
        ({"expect_marker": "bank"}, {}, "its marker is shop, expected bank"),
        ({"marker_key": "nothing"}, {}, "its marker is missing"),
        ({"expect_pid": "1"}, {}, "its process id is"),
        ({"expect_marker": ""}, {}, "nothing says which memcached"),
        ({}, {"generation_key": "grace:identity"}, "no counter under the generation key"),
        ({}, {"generation_key": "a b"}, "has no blanks"),
        ({"unix_socket": "/nowhere"}, {}, "does not answer"),
    ],
)
def test_the_wrong_target_or_key_is_refused_and_nothing_goes(cache, tmp_path, changed, given, said):
    server, target = cache
    situation = situated("memcached.flush", tmp_path, {**target, **changed}, given)
    with pytest.raises((WrongTarget, ActionFailed), match=said):
        taken("memcached.flush", situation)
    assert server.get("page:1") == "x" * 100


def flushed_after_a_kill(cache, folder, line):
    server, target = cache
    fill(server)
    situation = situated("memcached.flush", folder, target)
    killed = killed_at("memcached.flush", situation, line)
    assert resumed("memcached.flush", situation).holds
    assert (server.get("page:1"), server.get("grace:identity")) == (None, "shop")
    return killed


@pytest.mark.stress
@pytest.mark.parametrize("line", [30, 70])
def test_killed_at_a_line_it_is_flushed_by_the_next_try(cache, tmp_path, line):
    assert flushed_after_a_kill(cache, tmp_path, line)


@pytest.mark.stress
def test_killed_at_every_line_it_is_flushed_by_the_next_try(cache, tmp_path):
    line = 1
    while flushed_after_a_kill(cache, tmp_path / str(line), line):
        line += 1
    assert line > 60


def test_flushed_twice_it_is_as_flushed_once(cache, tmp_path):
    server, target = cache
    taken("memcached.flush", situated("memcached.flush", tmp_path / "1", target))
    again = situated("memcached.flush", tmp_path / "2", target, key="2")
    assert taken("memcached.flush", again)[1].holds
    assert (server.get("page:1"), server.get("grace:identity")) == (None, "shop")
