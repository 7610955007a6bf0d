"""Which jobs an event would start, decided without running anything."""

import textwrap
from pathlib import Path

import pytest

from grace.localforge.runner import ActRunner
from grace.localforge.runner.rewrite import rewrite
from grace.localforge.runner.workflow import parse
from grace.localforge.runs import PlannedJob, WorkflowPlan

JOB = "jobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}"


def plan(text: str, name: str = "push", **event: object) -> WorkflowPlan | None:
    payload: dict[str, object] = {"ref": "refs/heads/main", **event}
    return ActRunner(Path("act"), {}).plan(textwrap.dedent(text).encode(), name, payload, {}.get)


@pytest.mark.parametrize(
    ("on", "name", "event", "starts"),
    [
        ("push", "push", {}, True),
        ("push", "pull_request", {"action": "opened"}, False),
        ("[push, pull_request]", "pull_request", {"action": "synchronize"}, True),
        ("pull_request", "pull_request", {"action": "closed"}, False),
        ("pull_request", "pull_request", {"action": "labeled"}, False),
        ("{pull_request: {types: [labeled]}}", "pull_request", {"action": "labeled"}, True),
        ("{pull_request: null}", "pull_request", {"action": "reopened"}, True),
        ("{workflow_dispatch: {}}", "workflow_dispatch", {}, True),
        ("push", "push", {"deleted": True}, False),
        ("{push: {branches: [main]}}", "push", {}, True),
        ("{push: {branches: main}}", "push", {"ref": "refs/heads/dev"}, False),
        ("{push: {branches: ['rel/**', '!rel/old']}}", "push", {"ref": "refs/heads/rel/a/b"}, True),
        (
            "{push: {branches: ['rel/**', '!rel/old']}}",
            "push",
            {"ref": "refs/heads/rel/old"},
            False,
        ),
        ("{push: {branches: ['rel/*']}}", "push", {"ref": "refs/heads/rel/a/b"}, False),
        ("{push: {branches-ignore: ['grace-*']}}", "push", {"ref": "refs/heads/grace-l"}, False),
        ("{push: {branches: [main]}}", "push", {"ref": "refs/tags/v1"}, False),
        ("push", "push", {"ref": "refs/tags/v1"}, True),
        ("{push: {tags: ['v[0-9]+']}}", "push", {"ref": "refs/tags/v12"}, True),
        ("{push: {tags: ['v[0-9]+']}}", "push", {"ref": "refs/heads/v12"}, False),
        ("{push: {paths: ['src/**']}}", "push", {"commits": [{"added": ["src/a"]}]}, True),
        ("{push: {paths: ['**/*.py']}}", "push", {"commits": [{"removed": ["a.py"]}]}, True),
        ("{push: {paths: ['*.py']}}", "push", {"commits": [{"modified": ["s/a.py"]}]}, False),
        ("{push: {paths-ignore: [docs/**]}}", "push", {"commits": [{"added": ["docs/a"]}]}, False),
        ("{push: {paths-ignore: [d]}}", "push", {"commits": [{"added": ["d", "e"]}]}, True),
        ("{push: {paths: [x]}}", "push", {}, True),
        (
            "{pull_request: {branches: [main]}}",
            "pull_request",
            {"pull_request": {"base": {"ref": "dev"}}},
            False,
        ),
        ("{pull_request: {paths: [x]}}", "pull_request", {"changed_paths": ["y"]}, False),
    ],
)
def test_triggers_follow_the_filters(on, name, event, starts):
    assert (plan(f"on: {on}\n{JOB}", name, **event) is not None) is starts


def test_a_matrix_plans_one_job_a_leg_and_needs_name_legs():
    planned = plan("""
        name: CI
        on: push
        jobs:
          m:
            name: Test ${{ matrix.v }}
            runs-on: x
            strategy:
              matrix:
                v: [1, 2]
                os: [a, b]
                exclude: [{v: 2, os: b}]
                include: [{v: 1, extra: true}, {v: 3, os: c}]
            steps: [{run: echo}]
          n: {runs-on: x, needs: m, name: "${{ github.ref }}", steps: [{run: echo}]}
    """)
    assert planned is not None
    assert planned.error is None
    assert planned.name == "CI"
    legs = ("m (1, a, true)", "m (1, b, true)", "m (2, a)", "m (3, c)")
    assert [job.job for job in planned.jobs] == [*legs, "n"]
    assert planned.jobs[0].name == "Test 1"
    assert planned.jobs[-1] == PlannedJob("n", "n", needs=legs)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("on: [push", "not YAML"),
        ("- a", "not a mapping"),
        ("on: push\non: push", "defined twice"),
        (JOB, "no `on`"),
        ("on: push", "`jobs` is not a mapping"),
        ("on: push\njobs: {}", "no jobs"),
        ("on: push\njobs: {a: {steps: [{run: x}]}}", "`runs-on`"),
        ("on: push\njobs: {a b: {}}", "a job's id"),
        ("on: push\njobs: {a: {runs-on: x}}", "no steps"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{name: n}]}}", "either `uses` or `run`"),
        ("on: push\njobs: {a: {uses: ./x.yml}}", "which is no workflow of this or another"),
        ("on: push\njobs: {a: {uses: ./.github/workflows/x.yml}}", "has no such file"),
        ("on: push\njobs: {a: {uses: a/b/.github/workflows/x.yml@v1}}", "not available here"),
        (
            "on: push\njobs: {a: {uses: ./x.yml, steps: []}}",
            "calls another workflow and has `steps`",
        ),
        ("on: push\njobs: {a: {runs-on: x, container: c, steps: [{run: x}]}}", "no Docker"),
        ("on: push\njobs: {a: {runs-on: x, needs: b, steps: [{run: x}]}}", "does not exist"),
        ("on: push\njobs: {a: {runs-on: x, needs: a, steps: [{run: x}]}}", "circle"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{uses: who/ever@v1}]}}", "who/ever@v1"),
        ("on: push\njobs: {a: {runs-on: x, timeout-minutes: 0, steps: [{run: x}]}}", "above 0"),
        ("on: {push: {branches: [a], branches-ignore: [b]}}\n" + JOB, "together"),
        ("on: push\nx: &a [b]\ny: [" + "*a, " * 60_000 + "]\n" + JOB, "nodes"),
        ("on: push\nx: " + "[" * 3000 + "]" * 3000, "deep"),
        ("on: push\nx: '" + "y" * 600_000 + "'", "larger"),
    ],
)
def test_a_workflow_that_is_wrong_says_so(text, error):
    planned = plan(text)
    assert planned is not None
    assert planned.jobs == ()
    assert error in str(planned.error)


def test_a_workflow_that_is_wrong_is_left_alone_where_it_is_not_triggered():
    assert plan("on: pull_request\njobs: {}") is None


def test_only_jobs_that_may_get_an_id_token_are_given_the_request():
    source = b"""
on: [push]
permissions: {id-token: write}
jobs:
  a: {runs-on: [x, y], permissions: {}, steps: [{run: "yes", env: {V: 3.10}}]}
  b: {runs-on: x, env: {A: no}, steps: [{run: echo}]}
"""
    written = rewrite(source, parse(source), {"T": "s3cr3t"})
    before, _, after = written.decode().partition("b:")
    assert "s3cr3t" not in before
    assert "s3cr3t" in after
    assert "3.10" in before
    assert parse(written).jobs[1].steps == ({"run": "echo"},)
    assert "A: 'no'" in after


CALLED = """
on: {workflow_call: {inputs: {x: {type: string}}}}
permissions: {}
jobs:
  unit: {name: Unit, runs-on: y, steps: [{run: echo}]}
  legs: {runs-on: y, needs: unit, strategy: {matrix: {v: [1, 2]}}, steps: [{run: echo}]}
"""


def plan_call(more: str = "", called: str = CALLED) -> WorkflowPlan | None:
    text = (
        "on: push\njobs:\n"
        "  pre: {runs-on: x, steps: [{run: echo}]}\n"
        "  mission: {name: M, needs: pre, uses: ./.github/workflows/m.yml}\n" + more
    )
    files = {".github/workflows/m.yml": called.encode()}
    return ActRunner(Path("act"), {}).plan(text.encode(), "push", {}, files.get)


def test_a_called_workflow_s_jobs_are_planned_under_the_calling_job_s_name():
    planned = plan_call("  post: {runs-on: x, needs: mission, steps: [{run: echo}]}\n")
    assert planned is not None
    assert planned.error is None
    legs = ("mission.legs (1)", "mission.legs (2)")
    assert planned.jobs == (
        PlannedJob("pre", "pre", ()),
        PlannedJob("post", "post", ("mission.unit", *legs)),
        PlannedJob("mission.unit", "M / Unit", ("pre",)),
        *(
            PlannedJob(leg, f"M / legs ({n})", ("pre", "mission.unit"))
            for n, leg in enumerate(legs, 1)
        ),
    )


@pytest.mark.parametrize(
    ("more", "called", "says"),
    [
        ("", "on: push\n" + JOB, "`on` has no `workflow_call`"),
        ("", "on: workflow_call\njobs: {a: {uses: ./.github/workflows/m.yml}}", "in turn"),
        ("", "on: workflow_call\njobs: {a: {runs-on: x}}", "job `a` has no steps"),
        (
            "  late: {if: always(), needs: mission, runs-on: x, steps: [{run: echo}]}\n",
            CALLED,
            "`late` may run after a called workflow that failed",
        ),
        (
            """
  more: {needs: pre, runs-on: x, steps: [{run: echo}]}
  late: {needs: more, runs-on: x, steps: [{run: echo}]}
""",
            CALLED,
            "`late` may run after a called workflow that failed",
        ),
    ],
)
def test_a_call_that_this_runner_cannot_make_is_refused(more, called, says):
    planned = plan_call(more, called)
    assert planned is not None
    assert says in (planned.error or "")
