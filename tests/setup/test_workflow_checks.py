"""Which workflows hand a credential to unreviewed code, by file and job."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.setup.findings import Level
from grace.setup.workflow_checks import check_agents, check_workflows, judge, matches, passes

SECRET = "steps: [{run: 'up ${{ secrets.CLOUD }}'}]"
CHECKOUT = "{uses: actions/checkout@v4}"
TARGET = "{uses: actions/checkout@v4, with: {ref: '${{ github.event.pull_request.head.sha }}'}}"


def found(on, job, top=""):
    text = f"on: {on}\n{top}\njobs:\n  go: {{runs-on: x, {job}}}\n"
    return [each.level for each in judge("ci.yml", text, "main", "w")]


@pytest.mark.parametrize(
    "on",
    [
        "push",
        "pull_request",
        "[push, workflow_dispatch]",
        "create",
        "{push: {branches: ['**']}}",
        "{push: {branches: ['grace/*']}}",
        "{push: {branches-ignore: [main]}}",
        "{push: {paths: ['src/**']}}",
        "{pull_request: {branches: [main]}}",
        "{pull_request: {types: [opened]}}",
        "{push: {branches: [main, '!main', '*/*']}}",
    ],
)
def test_secrets_reach_a_work_branch(on):
    assert found(on, SECRET) == [Level.FAIL]


@pytest.mark.parametrize(
    "on",
    [
        "{push: {branches: [main]}}",
        "{push: {branches: ['*']}}",
        "{push: {branches: ['**', '!grace/**']}}",
        "{push: {branches-ignore: ['grace/**']}}",
        "{push: {tags: ['v*']}}",
        "{pull_request: {branches: [release]}}",
        "schedule",
        "workflow_dispatch",
        "release",
    ],
)
def test_secrets_stay_away_from_work_branches(on):
    assert found(on, SECRET) == []


@pytest.mark.parametrize(
    ("on", "condition", "reached"),
    [
        ("pull_request", "\"!startsWith(github.head_ref, 'grace/')\"", False),
        ("push", "\"!startsWith(github.head_ref, 'grace/')\"", True),
        ("push", "\"!startsWith(github.ref_name, 'grace/')\"", False),
        ("push", "\"!startsWith(github.ref, 'refs/heads/grace/')\"", False),
        ("push", "\"startsWith(github.ref_name, 'grace/')\"", True),
        ("[push, pull_request]", "\"github.ref == 'refs/heads/main'\"", False),
        ("push", "\"github.ref == 'refs/heads/main' && github.actor != 'x'\"", False),
        ("push", "\"github.ref == 'refs/heads/main' || always()\"", True),
        ("push", "\"github.ref != 'refs/heads/main'\"", True),
        ("push", "\"!(github.ref == 'refs/heads/main')\"", True),
        ("push", "\"github.ref_name == 'grace/mission_20260101_001'\"", True),
        ("pull_request", "\"github.event_name == 'push'\"", False),
        ("push", "\"github.event_name == 'push'\"", True),
        ("[push, pull_request]", "\"github.event_name == 'push'\"", True),
        ("pull_request", "\"github.event_name != 'pull_request'\"", False),
    ],
)
def test_a_jobs_condition_counts_only_where_it_surely_keeps_work_branches_out(
    on, condition, reached
):
    assert (found(on, f"if: {condition}, {SECRET}") != []) is reached


@pytest.mark.parametrize(
    ("job", "top"),
    [
        ("steps: [{run: x, env: {A: '${{ secrets.A }}'}}]", ""),
        ("steps: [{uses: x/y@v1, with: {t: \"${{ secrets['A'] }}\"}}]", ""),
        ("env: {A: '${{ toJSON(secrets) }}'}, steps: []", ""),
        ("uses: ./.github/workflows/x.yml, secrets: inherit", ""),
        ("uses: ./.github/workflows/x.yml, secrets: {a: '${{ secrets.A }}'}", ""),
        ("steps: [{run: x}]", "env: {A: '${{ secrets.A }}'}"),
        ("steps: [{run: '${{ Secrets.A }}'}]", ""),
    ],
)
def test_every_way_to_a_secret_is_seen(job, top):
    assert found("push", job, top) == [Level.FAIL]


@pytest.mark.parametrize(
    "job",
    [
        "steps: [{run: 'x ${{ secrets.GITHUB_TOKEN }}'}]",
        "steps: [{run: echo secrets.A}]",
        "steps: [{run: x}]",
        "steps: nonsense",
    ],
)
def test_what_is_no_secret_of_the_repository_is_left_alone(job):
    assert found("push", job) == []


@pytest.mark.parametrize("on", ["pull_request_target", "workflow_run", "issue_comment"])
@pytest.mark.parametrize(
    "step",
    [
        TARGET,
        "{uses: actions/checkout@v4, with: {ref: '${{ github.head_ref }}'}}",
        "{uses: actions/checkout@v4, with: {ref: '${{ github.event.workflow_run.head_sha }}'}}",
        "{uses: actions/checkout@v4, with: {ref: 'refs/pull/${{ github.event.number }}/merge'}}",
        "{run: gh pr checkout 3}",
        "{run: 'git fetch origin refs/pull/3/head'}",
    ],
)
def test_the_head_is_not_checked_out_where_secrets_are(on, step):
    assert found(on, f"steps: [{step}]") == [Level.FAIL]


def test_checking_out_the_base_where_secrets_are_is_fine():
    assert found("pull_request_target", f"steps: [{CHECKOUT}]") == []
    assert found("pull_request", f"steps: [{TARGET}]") == []


@pytest.mark.parametrize(
    ("job", "top", "levels"),
    [
        (f"permissions: {{id-token: write}}, steps: [{CHECKOUT}]", "", [Level.FAIL]),
        (f"permissions: write-all, steps: [{CHECKOUT}]", "", [Level.FAIL]),
        (f"steps: [{CHECKOUT}]", "permissions: {id-token: write}", [Level.FAIL]),
        ("permissions: {id-token: write}, steps: [{run: x}]", "", []),
        (f"permissions: {{contents: write}}, steps: [{CHECKOUT}]", "", [Level.WARN]),
        (f"permissions: {{contents: read}}, steps: [{CHECKOUT}]", "permissions: write-all", []),
    ],
)
def test_tokens_that_tested_code_would_get_are_seen(job, top, levels):
    assert found("pull_request", job, top) == levels


@pytest.mark.parametrize("text", ["on: [", "- a list", "", "x: " + "a" * 300_000, "\x00"])
def test_a_workflow_that_cannot_be_read_is_a_warning(text):
    assert [f.level for f in judge("ci.yml", text, "main", "w")] == [Level.WARN]


def test_an_anchor_that_repeats_itself_is_walked_once():
    rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    text = "on: push\na0: &a0 [x]\n" + "\n".join(rows) + "\njobs: {go: {env: {A: *a29}}}\n"
    assert list(judge("ci.yml", text, "main", "w")) == []


def test_file_and_job_are_named_and_a_clean_folder_passes():
    bad = "on: push\njobs: {deploy: {steps: [{run: '${{ secrets.A }}'}]}}\n"
    (finding,) = check_workflows({"a.yml": "on: push\njobs: {}", "b.yml": bad}, "main", "o/n")
    assert finding.found.startswith("b.yml, job deploy")
    (finding,) = check_workflows({}, "main", "o/n")
    assert finding.level is Level.PASS


@pytest.mark.parametrize(
    ("pattern", "name", "same"),
    [
        ("main", "main", True),
        ("*", "main", True),
        ("*", "grace/x", False),
        ("**", "grace/x", True),
        ("grace/**", "grace/x/y", True),
        ("grace/*", "grace/x/y", False),
        ("v[12].[0-9]+", "v1.10", True),
        ("releases?", "release", True),
        ("*.x", "1ax", False),
        ("a\\*", "a*", True),
        ("a\\*", "ab", False),
        ("[z-a]", "b", True),
    ],
)
def test_branch_patterns_are_githubs(pattern, name, same):
    assert matches(pattern, name) is same


@given(st.text(string.ascii_letters + string.digits + "/_-.", min_size=1))
def test_a_plain_name_matches_itself_and_two_stars_match_all(name):
    assert matches(name, name)
    assert matches("**", name)
    assert matches("*", name) is ("/" not in name)
    assert not passes({"branches": ["**", f"!{name}"]}, name)
    assert passes({"branches-ignore": [name + "x"]}, name)


ORDERED = """
run-name: grace patch ${{ inputs.request }}
on: {workflow_dispatch: {inputs: {request: , agent: , base: , task: }}}
jobs: {}
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ORDERED, "takes orders"),
        (ORDERED.replace("inputs.request", "github.event.inputs.request"), "takes orders"),
        (None, "no agent can be asked"),
        ("on: push", "cannot be started by hand"),
        ("[", "cannot be started by hand"),
        ("on: workflow_dispatch", "no input request, agent, base, task"),
        (ORDERED.replace("task: ", ""), "no input task"),
        (ORDERED.replace("inputs.request", "inputs.agent"), "does not say for what it is"),
        (ORDERED.replace("run-name", "name"), "does not say for what it is"),
    ],
)
def test_the_workflow_of_agents_has_to_take_orders(text, said):
    files = {} if text is None else {".github/workflows/grace-patch.yml": text}
    finding = check_agents(files, "grace-patch.yml", "o/n")
    assert said in finding.found
    assert (finding.level is Level.PASS) is ("takes orders" in said)
