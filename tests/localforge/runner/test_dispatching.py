"""What a workflow that is started by hand takes, and what its run is called."""

import json
import textwrap
from pathlib import Path

import pytest

from grace.localforge.runner import ActRunner
from grace.localforge.runs import InputsRefused, WorkflowPlan

DECLARED = """
on:
  workflow_dispatch:
    inputs:
      request: {required: true, type: string}
      agent: {default: repair}
      depth: {type: choice, options: [short, long], default: short}
      dry: {type: boolean, default: false}
      note:
"""
JOBS = "\njobs:\n  propose: {runs-on: ubuntu-latest, steps: [{run: echo}]}\n"


def plan(head: str, event_name: str = "workflow_dispatch", **event: object) -> WorkflowPlan:
    source = (textwrap.dedent(head) + JOBS).encode()
    found = ActRunner(Path("act"), {}).plan(source, event_name, dict(event), {}.get)
    assert found is not None
    return found


def test_what_is_not_given_has_its_default_as_text() -> None:
    made = plan(DECLARED, inputs={"request": "m/ask/1", "dry": True, "depth": "long"})
    wanted = {"request": "m/ask/1", "agent": "repair", "depth": "long", "dry": "true", "note": ""}
    assert made.inputs == wanted
    assert plan(DECLARED, inputs={"request": "m"}).inputs["dry"] == "false"
    assert plan("on: workflow_dispatch", inputs={}).inputs == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Required input 'request' not provided"),
        ({"request": ""}, "Required input 'request' not provided"),
        ({"request": "m", "b": 1, "a": 1}, 'Unexpected inputs provided: ["b", "a"]'),
        ({"request": ["m"]}, "is not a string"),
        ({"request": {"a": 1}}, "is not a string"),
        ({"request": "m", "depth": "deep"}, "'deep' for input 'depth' not in the list of allowed"),
        ({"request": "m", "dry": "maybe"}, "'maybe' for input 'dry' is not a boolean"),
    ],
)
def test_inputs_that_it_does_not_take_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(InputsRefused) as refused:
        plan(DECLARED, inputs=given)
    assert said in str(refused.value)


def test_a_workflow_that_declares_none_takes_none() -> None:
    for head in ("on: workflow_dispatch", "on: [push, workflow_dispatch]"):
        with pytest.raises(InputsRefused, match="Unexpected"):
            plan(head, inputs={"request": "m"})


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("grace patch ${{ inputs.request }}", "grace patch m/ask/1"),
        ("by ${{github.actor}} on ${{ github.ref_name }}", "by rita on main"),
        ("${{ github.event.inputs.agent }}|${{ github.event.nowhere.x }}|", "repair||"),
        ("${{ github.event_name }}: ${{ github.event.sender }}", "workflow_dispatch:"),
        ("  two\n lines ", "two lines"),
    ],
)
def test_a_run_is_called_as_run_name_says(name: str, title: str) -> None:
    head = DECLARED + f"run-name: {json.dumps(name)}\n"
    event = {"ref": "refs/heads/main", "sender": {"login": "rita"}}
    assert plan(head, inputs={"request": "m/ask/1"}, **event).title == title


def test_what_run_name_may_not_read_is_an_error_of_the_file() -> None:
    for path in ("secrets.TOKEN", "format('{0}', inputs.a)", "inputs", ""):
        made = plan(f'on: push\nrun-name: "${{{{ {path} }}}}"', "push")
        assert made.error is not None
        assert "`run-name`" in made.error
    assert plan("on: push", "push").title == ""


def test_a_long_name_is_cut() -> None:
    assert len(plan(f"on: push\nrun-name: {'x' * 900}", "push").title) == 400
