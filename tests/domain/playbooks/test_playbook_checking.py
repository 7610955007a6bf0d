"""What is wrong with a playbook beyond its form, each with its place and the way out."""

import pytest
from pydantic import ValidationError

from grace.domain.playbooks.action import Radius, Risk
from grace.domain.playbooks.checking import given_to, problems_of
from grace.domain.playbooks.playbook import Playbooks, Step, Symptoms
from grace.domain.playbooks.rules import ByRisk
from grace.domain.playbooks.run import RunOrder
from grace.domain.playbooks.runner_file import RunnerFile, SecretPlace
from grace.domain.playbooks.specs import ACTIONS
from support.playbooks import SPECS, order, playbook, step

WAIT = {"how": "gently"}


def found(*steps, **more):
    return [(p.place, p.problem) for p in problems_of(playbook(*steps, **more), SPECS)]


def wait(**given):
    return step("wait", "wait", **{"with": WAIT | given})


def test_a_good_playbook_has_no_problem():
    assert found(step("mend"), step("propose", "propose")) == []
    assert found(wait(seconds=3, count=2, kill=True)) == []


@pytest.mark.parametrize(
    ("steps", "place", "told"),
    [
        (step("x", "mendd"), ("steps", 0, "action"), "there is no action fake.mendd; did you mean"),
        (step("x", "zzzzzz"), ("steps", 0, "action"), "`grace playbook actions` lists them"),
        (
            step("x", "mend", **{"with": {"second": 1}}),
            ("steps", 0, "with", "second"),
            "fake.mend takes no such parameter; it takes: none",
        ),
        (wait(second=1), ("steps", 0, "with", "second"), "did you mean seconds?"),
        (step("wait", "wait"), ("steps", 0, "with"), "fake.wait needs how (how); add it"),
        (wait(how="fast"), ("steps", 0, "with", "how"), "must be one of gently, hard"),
        (wait(how=1), ("steps", 0, "with", "how"), "must be text"),
        (wait(seconds="1"), ("steps", 0, "with", "seconds"), "must be a number"),
        (wait(seconds=True), ("steps", 0, "with", "seconds"), "must be a number"),
        (wait(seconds=float("inf")), ("steps", 0, "with", "seconds"), "must be a number"),
        (wait(seconds=-1), ("steps", 0, "with", "seconds"), "must be at least 0"),
        (wait(seconds=91), ("steps", 0, "with", "seconds"), "must be at most 90"),
        (wait(seconds="70"), ("steps", 0, "with", "seconds"), "must be a number"),
        (wait(count=1.5), ("steps", 0, "with", "count"), "must be a whole number"),
        (wait(count=True), ("steps", 0, "with", "count"), "must be a whole number"),
        (wait(kill=1), ("steps", 0, "with", "kill"), "must be true or false"),
        (
            wait(seconds=70),
            ("steps", 0, "timeout_seconds"),
            "is ended after 60 s, and seconds is 70; write more",
        ),
        (
            step("x", "restart", risk="low"),
            ("steps", 0, "risk"),
            "fake.restart is medium, and a step cannot say that it is milder",
        ),
        (
            step("x", "restart", radius="one process"),
            ("steps", 0, "radius"),
            "fake.restart touches one service, and a step cannot say that it is less",
        ),
        (
            step("x", "swap", person=False),
            ("steps", 0, "person"),
            "fake.swap always needs a named person, whatever a playbook says",
        ),
        (
            step("x", "restart", on_failure="undo"),
            ("steps", 0, "on_failure"),
            "nothing up to here can be taken back; write `stop`",
        ),
    ],
)
def test_each_problem_is_found_at_its_place(steps, place, told):
    ((where, problem),) = found(steps)
    assert where == place
    assert told in problem


def test_a_graver_step_and_a_step_behind_one_with_an_undo_are_right():
    assert found(step("x", "restart", risk="high", radius="one database", person=True)) == []
    assert found(step("mend"), step("x", "restart", on_failure="undo")) == []
    first = step("first", on_failure="continue")
    assert found(first, step("second", when="failed", after="first")) == []


def test_an_action_is_for_its_kinds_of_target():
    problems = found(wait(), target="redis")
    assert problems == [
        (
            ("steps", 0, "action"),
            "fake.wait is for sqlite, and the target is redis; take an action for redis",
        )
    ]


def test_a_step_behind_one_that_ends_the_run_never_comes():
    steps = (step("first"), step("second", when="failed", after="first"))
    ((place, problem),) = found(*steps)
    assert place == ("steps", 1, "after")
    assert "a run ends where first fails" in problem


def test_a_patch_is_the_last_step():
    ((place, problem),) = found(step("propose", "propose"), step("mend"))
    assert place == ("steps", 0, "action")
    assert "must be the last step" in problem


@pytest.mark.parametrize(
    ("healed", "place", "told"),
    [
        (step("well", "mend"), "action", "must only look"),
        (step("well", "well", risk="low"), "action", "must only look"),
        (step("well", "nothing"), "action", "there is no action"),
        (step("well", "well", person=True), "person", "nobody is asked"),
        (step("well", "swap"), "person", "nobody is asked"),
        (step("well", "well", when="unhealed"), "when", "whenever it is needed"),
    ],
)
def test_what_tells_whether_it_is_healed_only_looks(healed, place, told):
    assert any(where == ("healed", place) and told in said for where, said in found(healed=healed))


def test_defaults_stand_in_for_what_a_step_leaves_out():
    given = Step.model_validate(wait(count=3))
    assert given_to(given, SPECS["fake.wait"]) == {
        "seconds": 1,
        "count": 3,
        "kill": False,
        "how": "gently",
    }


def test_a_playbook_that_went_through_an_order_is_as_right_as_before():
    ordered = order(step("mend"), step("swap", "swap"))
    again = RunOrder.model_validate_json(ordered.model_dump_json())
    assert again == ordered
    assert problems_of(again.playbook, SPECS) == ()


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([step("well")], "same id"),
        ([step("a", when="failed")], "`after` goes with `when: failed`"),
        ([step("a"), step("b", after="a")], "`after` goes with `when: failed`"),
        ([step("a", when="failed", after="b"), step("b")], "`after` names no earlier step"),
    ],
)
def test_steps_that_do_not_go_together_are_refused(steps, told):
    with pytest.raises(ValidationError, match=told):
        playbook(*steps)


def test_a_playbook_says_what_it_is_for():
    with pytest.raises(ValidationError, match="at least one metric or phrase"):
        Symptoms()
    with pytest.raises(ValidationError, match="at least 3 characters"):
        Symptoms(phrases=("   x  ",))


def test_playbooks_have_different_names_and_are_found_by_them():
    one = playbook()
    assert Playbooks(playbooks=(one,)).named("mend-it") == one
    assert Playbooks(playbooks=(one,)).named("other") is None
    with pytest.raises(ValidationError, match="same name"):
        Playbooks(playbooks=(one, one))


def test_playbooks_of_other_subsystems_alone_are_not_shown():
    both = playbook(name="a", subsystems=["mesh", "secret"])
    other = playbook(name="b", subsystems=["secret"])
    all_of_them = Playbooks(playbooks=(both, other, playbook(name="c")))
    seen = all_of_them.within(frozenset({"mesh"})).playbooks
    assert [(p.name, p.subsystems) for p in seen] == [("a", ("mesh",)), ("c", ())]


def test_who_must_agree_follows_the_risk():
    rules = ByRisk(read=0, low=1, medium=2, high=3)
    assert [rules.needed(risk) for risk in Risk] == [0, 1, 2, 3]
    assert [radius.rank for radius in Radius] == [0, 2, 3, 4, 5, 1]
    assert [risk.mild for risk in Risk] == [True, True, True, False]


def test_a_secret_stands_in_one_place():
    assert SecretPlace(env="TOKEN").env == "TOKEN"
    for given in ({}, {"env": "TOKEN", "file": "secret"}):
        with pytest.raises(ValidationError, match="either env or file"):
            SecretPlace.model_validate(given)
    target = {"kind": "redis", "settings": {"password": "x"}, "secrets": {"password": {"env": "P"}}}
    with pytest.raises(ValidationError, match="password stands in settings and in secrets"):
        RunnerFile.model_validate({"name": "here", "state": "s", "targets": {"cache": target}})
    target["settings"] = {"port": 6379}
    file = RunnerFile.model_validate({"name": "here", "state": "s", "targets": {"cache": target}})
    assert file.targets["cache"].secrets["password"].env == "P"


def test_every_action_says_enough_of_itself():
    assert ACTIONS
    for name, spec in ACTIONS.items():
        assert spec.name == name
        assert spec.kinds
        assert len({p.name for p in spec.params}) == len(spec.params)
        for param in spec.params:
            if param.default is not None and param.choices:
                assert param.default in param.choices
        if spec.risk is Risk.READ:
            assert not spec.undo, f"{name} changes nothing, so there is nothing to take back"


def test_what_ends_anothers_process_or_swaps_a_database_needs_a_person():
    named = {spec.name for spec in ACTIONS.values() if spec.person}
    assert {"sqlite.end_holder", "sqlite.swap", "postgresql.terminate", "postgresql.swap"} <= named
