import dataclasses

import pytest

from grace.runner.action import ActionFailed, WrongTarget
from grace.runner.registry import action_named
from support.docker_api import served_engine
from support.service_servers import program
from support.service_steps import killed_at, resumed, situated, taken

COMPOSE = """#!/bin/sh
# A stand-in for a client with the compose plugin: it notes its words, else it is the real client.
case " $* " in *" compose "*) echo "$@" >> {log}; exit 0 ;; esac
exec {docker} "$@"
"""


@pytest.fixture
def engine(tmp_path):
    with served_engine(tmp_path / "docker.sock") as made:
        yield made


@pytest.fixture
def target(engine, tmp_path):
    return {
        "kind": "docker",
        "docker": program("docker", "docker.io"),
        "host": f"unix://{tmp_path}/docker.sock",
        "service": "web",
        "containers": "web-1, web-2",
        "expect_engine_id": "ENGINE-1",
    }


def step(name, folder, target, **given):
    return situated(f"docker.{name}", folder / "run", target, given)


def test_more_tasks_are_asked_for_and_undo_asks_for_as_many_as_before(engine, target, tmp_path):
    situation = step("scale", tmp_path, target, processes=4)
    state, found = taken("docker.scale", situation)
    assert (state, found.sentence) == ("done", "4 run")
    action = action_named("docker.scale")
    for _ in range(2):
        assert action.undo(situation).holds
        assert engine.replicas == 2
    assert engine.changes == [4, 2]
    again = step("scale", tmp_path / "again", target, processes=2)
    assert taken("docker.scale", again)[0] == "needless"


def test_what_somebody_else_asked_for_since_is_left(engine, target, tmp_path):
    situation = step("scale", tmp_path, target, add=1)
    taken("docker.scale", situation)
    engine.replicas = 7
    with pytest.raises(ActionFailed, match="somebody else asked for 7 since"):
        action_named("docker.scale").undo(situation)


@pytest.mark.stress
def test_a_compose_service_is_scaled_by_its_file(engine, target, tmp_path):
    log, client = tmp_path / "words", tmp_path / "docker"
    client.write_text(COMPOSE.format(log=log, docker=target["docker"]))
    client.chmod(0o755)
    compose = {
        **target,
        "docker": str(client),
        "service": "",
        "compose_service": "web",
        "compose_project": "shop",
        "compose_file": "/srv/compose.yaml",
    }
    situation = situated("docker.scale", tmp_path / "run", compose, {"processes": 3}, seconds=4)
    with pytest.raises(ActionFailed, match=r"not all 3 run|took too long|time is over"):
        taken("docker.scale", situation)
    assert log.read_text() == (
        f"--host=unix://{tmp_path}/docker.sock compose --file=/srv/compose.yaml "
        "--project-name=shop up --detach --no-recreate --no-deps --scale=web=3 web\n"
    )
    engine.containers["web-3"] = engine.started()
    again = dataclasses.replace(situation, deadline=situation.deadline + 60)
    assert resumed("docker.scale", again).holds


@pytest.mark.parametrize("composed", [False, True])
def test_containers_are_restarted_one_after_another(engine, target, tmp_path, composed):
    if composed:
        target |= {"compose_service": "web", "compose_project": "shop"}
    situation = step("restart", tmp_path, target)
    state, found = taken("docker.restart", situation)
    assert (state, found.sentence) == ("done", "2 were restarted and are well")
    assert action_named("docker.restart").act(situation).holds
    assert engine.changes == ["web-1", "web-2"]


def test_at_the_first_container_that_is_not_healthy_it_stops(engine, target, tmp_path):
    engine.sick.add("web-1")
    with pytest.raises(ActionFailed, match=r"web-1 did not become healthy within 0.5 s; 1 of 2"):
        taken("docker.restart", step("restart", tmp_path, target, healthy_seconds=0.5))
    assert engine.changes == ["web-1"]


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"expect_engine_id": "ENGINE-2"}, WrongTarget, "its engine id is ENGINE-1"),
        ({"expect_engine_name": "host-2"}, WrongTarget, "its engine name is host-1"),
        ({"expect_engine_id": ""}, WrongTarget, "nothing says which engine"),
        ({"service": "bank"}, ActionFailed, "`docker service` failed"),
        ({"docker": "/nowhere/docker"}, ActionFailed, "there is no program `docker` here"),
    ],
)
def test_on_the_wrong_target_nothing_changes(engine, target, tmp_path, *, changed, error, said):
    with pytest.raises(error, match=said):
        taken("docker.scale", step("scale", tmp_path, {**target, **changed}))
    assert engine.changes == []


@pytest.mark.stress
@pytest.mark.parametrize(("name", "line"), [("scale", 120), ("restart", 140)])
def test_killed_at_a_line_the_next_try_does_it_once(engine, target, tmp_path, name, line):
    situation = step(name, tmp_path, target)
    assert killed_at(f"docker.{name}", situation, line)
    assert resumed(f"docker.{name}", situation).holds
    assert engine.changes == ([3] if name == "scale" else ["web-1", "web-2"])
