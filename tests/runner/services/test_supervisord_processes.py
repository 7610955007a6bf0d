import httpx
import pytest

from grace.runner.action import ActionFailed, WrongTarget
from grace.runner.actions.supervisord_members import SupervisedGroup
from grace.runner.registry import action_named
from support.service_servers import supervised
from support.service_steps import killed_at, resumed, situated, taken


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    with supervised(tmp_path_factory.mktemp("supervisord")) as made:
        yield made


@pytest.fixture(scope="module")
def spare(tmp_path_factory):
    with supervised(tmp_path_factory.mktemp("spare"), started=False) as made:
        yield made


def marks(made, folder):
    group = SupervisedGroup(situated("supervisord.restart", folder, made.target))
    return {name: member.mark for name, member in group.listed().items()}


def restart(made, folder, given=None, *, found=None, seconds=30, **changed):
    target = {**made.target, **changed}
    return situated("supervisord.restart", folder, target, given, found=found, seconds=seconds)


def test_a_group_is_restarted_one_after_another(web, tmp_path):
    before = marks(web, tmp_path)
    state, found = taken("supervisord.restart", restart(web, tmp_path))
    assert (state, found.sentence) == ("done", "3 were restarted and are well")
    after = marks(web, tmp_path)
    assert None not in after.values()
    assert not set(before.values()) & set(after.values())


@pytest.mark.stress
def test_verified_again_nothing_is_restarted_again(web, tmp_path):
    situation = restart(web, tmp_path)
    taken("supervisord.restart", situation)
    after = marks(web, tmp_path)
    assert resumed("supervisord.restart", situation).holds
    assert action_named("supervisord.restart").act(situation).holds
    assert marks(web, tmp_path) == after


def test_at_the_first_that_is_not_healthy_it_stops(web, tmp_path):
    before = marks(web, tmp_path)
    url = "http://127.0.0.1:{number}/missing"
    with pytest.raises(ActionFailed) as stopped:
        taken(
            "supervisord.restart", restart(web, tmp_path, {"healthy_seconds": 0.3}, health_url=url)
        )
    first, *others = web.names()
    assert stopped.value.sentence == (
        f"{first} did not become healthy within 0.3 s; 2 of 3 were not restarted"
    )
    after = marks(web, tmp_path)
    assert after[first] != before[first]
    assert [after[name] for name in others] == [before[name] for name in others]


@pytest.mark.parametrize("leaking", [False, None])
def test_without_a_leak_nothing_is_restarted(web, tmp_path, leaking):
    before = marks(web, tmp_path)
    found = {} if leaking is None else {"evidence": {"leaking": leaking, "rss_mb": 900.0}}
    with pytest.raises(ActionFailed, match="no step found a leak"):
        action_named("supervisord.restart").act(
            restart(web, tmp_path, {"evidence": "evidence"}, found=found)
        )
    assert marks(web, tmp_path) == before


@pytest.mark.stress
@pytest.mark.parametrize(("had", "holds"), [(5000.0, True), (0.5, False)])
def test_after_a_leak_the_memory_must_have_dropped(web, tmp_path, had, holds):
    found = {"evidence": {"leaking": True, "rss_mb": had}}
    state, seen = taken(
        "supervisord.restart", restart(web, tmp_path, {"evidence": "evidence"}, found=found)
    )
    assert (state == "done") is holds
    assert f"before it was {had:.0f} MB" in seen.sentence


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"expect_identification": "bank"}, WrongTarget, "identification is shop, expected bank"),
        ({"expect_identification": ""}, WrongTarget, "set `expect_identification` in"),
        ({"group": "nobody"}, ActionFailed, "knows no group `nobody`"),
        ({"unix_socket": "/nowhere"}, ActionFailed, "supervisord does not answer"),
        ({"unix_socket": "", "url": "ftp://x"}, ActionFailed, "begins with http://"),
    ],
)
def test_on_the_wrong_target_nothing_is_restarted(web, tmp_path, changed, error, said):
    before = marks(web, tmp_path)
    with pytest.raises(error, match=said):
        taken("supervisord.restart", restart(web, tmp_path, **changed))
    assert marks(web, tmp_path) == before


def restarted_after_a_kill(made, folder, line):
    before = marks(made, folder)
    situation = restart(made, folder / str(line))
    killed = killed_at("supervisord.restart", situation, line)
    assert resumed("supervisord.restart", situation).holds
    after = marks(made, folder)
    assert None not in after.values()
    assert not set(before.values()) & set(after.values())
    return killed


@pytest.mark.stress
def test_killed_between_stop_and_start_the_next_try_starts_it(web, tmp_path):
    situation = restart(web, tmp_path)
    taken("supervisord.restart", situation)
    action = action_named("supervisord.restart")
    SupervisedGroup(situation).stop(web.names()[1])
    assert not action.verify(situation).holds
    assert resumed("supervisord.restart", situation).holds


@pytest.mark.stress
@pytest.mark.parametrize("line", [250])
def test_killed_at_a_line_the_next_try_restarts_the_rest(web, tmp_path, line):
    assert restarted_after_a_kill(web, tmp_path, line)


@pytest.mark.stress
def test_killed_at_every_ninth_line_the_next_try_restarts_the_rest(web, tmp_path):
    line = 1
    while restarted_after_a_kill(web, tmp_path, line):
        line += 9
    assert line > 250


def scale(made, folder, **given):
    return situated("supervisord.scale", folder, made.target, given)


def running(made, folder):
    return sorted(name for name, mark in marks(made, folder).items() if mark is not None)


def test_more_are_started_and_undo_stops_those_alone(spare, tmp_path):
    names = sorted(spare.names())
    state, found = taken("supervisord.scale", scale(spare, tmp_path / "1", processes=1))
    assert (state, found.sentence) == ("done", "1 run, before it was 0")
    more = scale(spare, tmp_path / "2", add=2)
    assert taken("supervisord.scale", more)[1].sentence == "3 run, before it was 1"
    assert httpx.get(f"http://127.0.0.1:{spare.ports[2]}/health").text == "well"
    assert taken("supervisord.scale", scale(spare, tmp_path / "3", processes=3))[0] == "needless"
    action = action_named("supervisord.scale")
    for _ in range(2):
        assert action.undo(more).sentence == "1 run again"
        assert running(spare, tmp_path) == names[:1]
    action.undo(scale(spare, tmp_path / "1", processes=1))
    assert running(spare, tmp_path) == []


def test_more_than_are_configured_is_refused_and_starts_nothing(spare, tmp_path):
    with pytest.raises(ActionFailed, match="4 more are wanted and only 3 are configured"):
        taken("supervisord.scale", scale(spare, tmp_path, processes=4))
    assert running(spare, tmp_path) == []


@pytest.mark.stress
def test_killed_while_starting_the_next_try_starts_the_same_ones(spare, tmp_path):
    situation = scale(spare, tmp_path, processes=2)
    assert killed_at("supervisord.scale", situation, 150)
    assert resumed("supervisord.scale", situation).holds
    assert running(spare, tmp_path) == sorted(spare.names())[:2]
    action_named("supervisord.scale").undo(situation)
    assert running(spare, tmp_path) == []
