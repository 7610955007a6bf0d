import pytest

from grace.runner.action import ActionFailed, WrongTarget
from grace.runner.registry import action_named
from support.kubernetes_api import UID, served_cluster
from support.service_servers import program
from support.service_steps import killed_at, resumed, situated, taken


@pytest.fixture
def cluster():
    with served_cluster() as made:
        yield made


@pytest.fixture
def target(cluster):
    return {
        "kind": "kubernetes",
        "kubectl": program("kubectl", "kubernetes-client"),
        "server": cluster.url,
        "namespace": "web",
        "workload": "deployment/web",
        "expect_namespace_uid": UID,
    }


def step(name, folder, target, **given):
    seconds = given.pop("seconds", 30)
    return situated(f"kubernetes.{name}", folder / "run", target, given, seconds=seconds)


def test_more_replicas_are_asked_for_and_undo_asks_for_as_many_as_before(cluster, target, tmp_path):
    situation = step("scale", tmp_path, target, add=3)
    state, found = taken("kubernetes.scale", situation)
    assert (state, found.sentence) == ("done", "5 of 5 replicas are ready")
    assert cluster.spec["replicas"] == 5
    for _ in range(2):
        assert action_named("kubernetes.scale").undo(situation).holds
        assert cluster.spec["replicas"] == 2
    assert cluster.changes == [{"replicas": 5}, {"replicas": 2}]


@pytest.mark.stress
def test_never_more_than_the_bound_and_what_is_so_is_left(cluster, target, tmp_path):
    assert taken("kubernetes.scale", step("scale", tmp_path, target, processes=2))[0] == "needless"
    situation = step("scale", tmp_path, target, processes=50, most=4)
    assert taken("kubernetes.scale", situation)[1].values["replicas"] == 4
    cluster.change({"replicas": 9})
    with pytest.raises(ActionFailed, match="somebody else asked for 9 replicas since"):
        action_named("kubernetes.scale").undo(situation)


@pytest.mark.stress
def test_a_workload_is_restarted_by_a_rollout_once(cluster, target, tmp_path):
    situation = step("restart", tmp_path, target)
    state, found = taken("kubernetes.restart", situation)
    assert (state, found.sentence) == ("done", "2 of 2 replicas are ready after the restart")
    assert action_named("kubernetes.restart").act(situation).holds
    assert len(cluster.changes) == 1
    assert "restartedAt" in str(cluster.changes)


def test_a_bad_revision_is_gone_back_from_and_undo_returns_to_it(cluster, target, tmp_path):
    situation = step("rollback", tmp_path, target)
    assert taken("kubernetes.rollback", situation)[0] == "done"
    assert cluster.image == "shop:1"
    action = action_named("kubernetes.rollback")
    assert action.act(situation).holds
    assert cluster.image == "shop:1"
    for _ in range(2):
        assert action.undo(situation).holds
        assert cluster.image == "shop:2"


@pytest.mark.stress
def test_a_rollout_that_never_completes_fails_in_time(cluster, target, tmp_path):
    cluster.stuck = True
    with pytest.raises(ActionFailed, match=r"the rollout did not complete|took too long"):
        taken("kubernetes.restart", step("restart", tmp_path, target, seconds=3))


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"expect_namespace_uid": "other"}, WrongTarget, f"its namespace uid is {UID}"),
        ({"expect_namespace_uid": ""}, WrongTarget, "set `expect_namespace_uid` in"),
        ({"namespace": "bank"}, ActionFailed, "`kubectl get` failed: Error from server"),
        ({"workload": "deployment/bank"}, ActionFailed, "`kubectl get` failed: Error from server"),
        ({"workload": "--all"}, ActionFailed, "named like deployment/web"),
        ({"server": "http://127.0.0.1:1"}, ActionFailed, "`kubectl get` failed"),
        ({"kubectl": "/nowhere/kubectl"}, ActionFailed, "there is no program `kubectl` here"),
    ],
)
def test_on_the_wrong_target_nothing_changes(cluster, target, tmp_path, *, changed, error, said):
    with pytest.raises(error, match=said):
        taken("kubernetes.scale", step("scale", tmp_path, {**target, **changed}))
    assert cluster.changes == []


@pytest.mark.stress
@pytest.mark.parametrize(("name", "line"), [("rollback", 150)])
def test_killed_at_a_line_the_next_try_does_it_once(cluster, target, tmp_path, name, line):
    situation = step(name, tmp_path, target)
    assert killed_at(f"kubernetes.{name}", situation, line)
    assert resumed(f"kubernetes.{name}", situation).holds
    assert len(cluster.changes) == 1


@pytest.mark.stress
@pytest.mark.parametrize("name", ["scale", "restart", "rollback"])
def test_killed_at_every_ninth_line_the_next_try_does_it_once(target, tmp_path, name):
    line, killed = 1, True
    while killed:
        with served_cluster() as cluster:
            situation = step(name, tmp_path / str(line), {**target, "server": cluster.url})
            killed = killed_at(f"kubernetes.{name}", situation, line)
            assert resumed(f"kubernetes.{name}", situation).holds
            assert len(cluster.changes) == 1
        line += 9
    assert line > 100
