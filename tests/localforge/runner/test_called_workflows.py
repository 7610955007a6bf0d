"""Workflows that call others, run through act."""

CALLER = """
name: ci
on: pull_request
permissions: {}
jobs:
  unit:
    runs-on: ubuntu-latest
    steps: [{name: Mine, run: echo mine}]
  mission:
    name: Mission
    permissions: {contents: read, id-token: write}
    uses: ./.github/workflows/m.yml
    with:
      greeting: hello
      head: ${{ github.event.pull_request.head.sha }}
      flag: BROKEN
  other:
    permissions: {contents: read}
    uses: acme/tool/.github/workflows/other.yml@v1
  post:
    needs: [mission, other]
    runs-on: ubuntu-latest
    steps: [{name: Post, run: echo posted}]
"""

CALLED = """
name: a called one
on:
  workflow_call:
    inputs:
      greeting: {type: string, required: true}
      head: {type: string, required: true}
      flag: {type: boolean, default: false}
permissions: {}
jobs:
  unit:
    name: Unit
    runs-on: ubuntu-latest
    steps:
      - name: Say
        run: echo "$GREETING job=$GITHUB_JOB head=$HEAD workflow=$GITHUB_WORKFLOW_REF"
        env:
          GREETING: ${{ inputs.greeting }}
          HEAD: ${{ inputs.head }}
      - name: Look
        run: 'echo "oidc=${ACTIONS_ID_TOKEN_REQUEST_URL:-none}"'
      - name: Break
        if: inputs.flag
        run: "false"
  report:
    needs: unit
    if: always()
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    steps:
      - name: Token
        run: 'echo "oidc=${#ACTIONS_ID_TOKEN_REQUEST_URL}+${#ACTIONS_ID_TOKEN_REQUEST_TOKEN} unit=${{ needs.unit.result }}"'
"""

OTHER = """
on: workflow_call
jobs:
  a:
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    steps:
      - name: Look
        run: 'echo "oidc=${ACTIONS_ID_TOKEN_REQUEST_URL:-none}"'
"""


def files(tmp_path):
    other = tmp_path / "tool" / ".github" / "workflows" / "other.yml"
    other.parent.mkdir(parents=True)
    other.write_text(OTHER)
    return {"acme/tool": tmp_path / "tool"}


def committed(repository, flag):
    workflow = CALLER.replace("BROKEN", flag)
    repository.commit(workflow, {".github/workflows/m.yml": CALLED})
    return repository.request(
        ACTIONS_ID_TOKEN_REQUEST_URL="http://127.0.0.1:9/token",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="0123456789",
    )


async def test_called_workflows_run_with_their_inputs_and_only_the_rights_they_were_given(
    repository, make_runner, run, tmp_path
):
    request = committed(repository, "false")
    outcome = await run(make_runner(actions=files(tmp_path)), request)
    jobs = ("unit", "post", "mission.unit", "mission.report", "other.a")
    assert outcome.conclusions == dict.fromkeys(jobs, "success"), outcome.events
    names = {job: each.name for job, each in outcome.finished.items()}
    assert names["mission.unit"] == "Mission / Unit"
    assert names["other.a"] == "other / a"
    said = outcome.log("mission.unit")
    assert f"hello job=unit head={repository.sha} workflow=acme/mesh/.github/workflows/ci" in said
    assert "oidc=none" in said.splitlines()
    assert outcome.log("unit").splitlines()[-1] == "mine"
    url, token = len("http://127.0.0.1:9/token"), len("0123456789")
    assert f"oidc={url}+{token} unit=success" in outcome.log("mission.report").splitlines()
    assert "oidc=none" in outcome.log("other.a").splitlines()


async def test_a_called_job_that_fails_is_told_and_what_needs_it_is_skipped(
    repository, make_runner, run, tmp_path
):
    request = committed(repository, "true")
    outcome = await run(make_runner(actions=files(tmp_path)), request)
    assert outcome.conclusions == {
        "unit": "success",
        "mission.unit": "failure",
        "mission.report": "success",
        "other.a": "success",
        "post": "skipped",
    }
    (note,) = outcome.finished["mission.unit"].annotations
    assert note.message == "step `Break` failed"
    assert "unit=failure" in outcome.log("mission.report")
