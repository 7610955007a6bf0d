"""Whole runs of real workflows through act."""

import asyncio
import os
import textwrap
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from grace.localforge.runner import sandbox
from grace.localforge.runner.errors import RunnerError
from grace.localforge.runner.sandbox import Cage
from grace.localforge.runs import Annotation, JobLog, JobStarted

HEAD = "on: pull_request\npermissions: {}\njobs:\n"


def jobs(text: str) -> str:
    return HEAD + textwrap.indent(textwrap.dedent(text), "  ")


async def test_a_run_tells_of_jobs_logs_annotations_and_summaries(repository, make_runner, run):
    workflow = jobs("""
      unit:
        name: Unit tests
        runs-on: [self-hosted, strange]
        steps:
          - name: Say
            run: |
              echo "sha=$GITHUB_SHA ref=$GITHUB_REF repo=$GITHUB_REPOSITORY"
              echo "run=$GITHUB_RUN_ID.$GITHUB_RUN_ATTEMPT actor=$GITHUB_ACTOR"
              echo "workflow=$GITHUB_WORKFLOW_REF server=$GITHUB_SERVER_URL version=$VERSION"
              echo "::error file=src/a.py,line=3::it broke"
              printf '\\033[32mgreen\\033[0m\\n'
              echo "## Result" >> "$GITHUB_STEP_SUMMARY"
            env: {VERSION: 3.10}
      bad:
        runs-on: ubuntu-latest
        steps: [{name: Break, run: exit 3}, {name: Never, run: echo reached}]
      after:
        needs: bad
        runs-on: ubuntu-latest
        steps: [{run: echo reached}]
      other:
        if: github.event_name == 'push'
        runs-on: ubuntu-latest
        steps: [{run: echo reached}]
      always:
        if: always()
        needs: [unit, bad]
        runs-on: ubuntu-latest
        steps: [{name: Look, run: "echo ${{ needs.bad.result }}"}]
    """)
    sha = repository.commit(workflow)
    outcome = await run(make_runner(), repository.request())
    assert outcome.conclusions == {
        "unit": "success",
        "bad": "failure",
        "after": "skipped",
        "other": "skipped",
        "always": "success",
    }
    log = outcome.log("unit")
    assert f"sha={sha} ref=refs/pull/3/merge repo=acme/mesh" in log
    assert "run=7.2 actor=bob" in log
    assert "workflow=acme/mesh/.github/workflows/ci.yml@refs/pull/3/merge" in log
    assert "server=http://127.0.0.1:9" in log
    assert "green" in log.splitlines()
    unit = outcome.finished["unit"]
    assert unit.name == "Unit tests"
    assert unit.annotations == (Annotation("src/a.py", 3, "failure", "it broke"),)
    assert unit.summary == "## Result\n"
    assert outcome.finished["bad"].annotations[0].message == "step `Break` failed"
    assert "reached" not in outcome.log("bad")
    assert "failure" in outcome.log("always")
    started = [event.name for event in outcome.events if isinstance(event, JobStarted)]
    assert sorted(started) == ["Unit tests", "always", "bad"]


async def test_legs_of_a_matrix_end_each_as_its_own_steps_did(repository, make_runner, run):
    repository.commit(
        jobs("""
      m:
        runs-on: ubuntu-latest
        strategy: {matrix: {v: ["3.10", 3.11]}}
        steps: [{run: "test $V != 3.11", env: {V: "${{ matrix.v }}"}}]
      dynamic:
        runs-on: ubuntu-latest
        strategy: {matrix: {v: "${{ fromJSON('[1, 2]') }}"}}
        steps: [{run: "test $V != 1", env: {V: "${{ matrix.v }}"}}]
      soft:
        runs-on: ubuntu-latest
        steps: [{name: Soft, run: "false", continue-on-error: true}]
    """)
    )
    outcome = await run(make_runner(), repository.request())
    assert outcome.conclusions == {
        "m (3.10)": "success",
        "m (3.11)": "failure",
        "dynamic": "failure",
        "soft": "success",
    }


async def test_checkout_and_artifacts_work_across_jobs(repository, make_runner, run):
    workflow = jobs("""
      make:
        runs-on: ubuntu-latest
        steps:
          - uses: actions/checkout@v4
            with: {persist-credentials: false}
          - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
            with: {path: base, ref: main, fetch-depth: 0}
          - {name: Compare, run: "cmp data.txt base/data.txt && git rev-parse HEAD && git config -l"}
          - {name: Write, run: "mkdir -p out/deep && echo 1 > out/a && echo 2 > out/deep/b && touch out/.h"}
          - uses: actions/upload-artifact@v4
            with: {name: one, path: out}
          - uses: actions/upload-artifact@v4
            with: {name: two, path: data.txt}
          - uses: actions/setup-python@v5
            with: {python-version: "3.11"}
      take:
        needs: make
        runs-on: ubuntu-latest
        steps:
          - uses: actions/download-artifact@v4
            with: {pattern: "o*", path: got}
          - uses: actions/download-artifact@v4
            with: {name: two}
          - {name: List, run: "find . -type f | sort"}
      outside:
        runs-on: ubuntu-latest
        steps: [{uses: actions/checkout@v4, with: {path: ../../escape}}]
    """)
    sha = repository.commit(workflow, {"data.txt": "hello"})
    request = repository.request()
    outcome = await run(make_runner(), request)
    assert outcome.conclusions == {"make": "success", "take": "success", "outside": "failure"}
    assert sha in outcome.log("make")
    listed = [line for line in outcome.log("take").splitlines() if line.startswith("./")]
    assert listed == ["./data.txt", "./got/one/a", "./got/one/deep/b"]
    assert (request.artifact_dir / "one" / "deep" / "b").read_text() == "2\n"
    assert "read-token-1234" not in outcome.log("make")


async def test_secrets_reach_those_who_may_have_them_and_no_log(repository, make_runner, run):
    show = 'echo "have ${ACTIONS_ID_TOKEN_REQUEST_TOKEN:+token} ${TOKEN:+secret} ${#TOKEN}"; env'
    repository.commit(
        jobs(f"""
      plain:
        runs-on: ubuntu-latest
        steps: [{{name: Show, run: '{show}; echo $GRACE_URL / $V', env: {{V: "${{{{ vars.GRACE_URL }}}}"}}}}]
      sealed:
        runs-on: ubuntu-latest
        steps: [{{name: Wait, run: 'while grep -qs token-1234 "$HOME"/../secrets.env; do sleep 0.05; done'}}]
      report:
        permissions: {{id-token: write}}
        runs-on: ubuntu-latest
        steps:
          - run: '{show}; echo x ${{{{ github.token }}}} | tr a-z a-z; echo -n "x-access-token:$TOKEN" | base64'
            env: {{TOKEN: "${{{{ secrets.GITHUB_TOKEN }}}}"}}
          - run: 'echo ::add-mask::hush-$((41+1)); echo "::warning::say hush-$((41+1))"'
    """)
    )
    request = repository.request(
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="oidc-request-5678",
        ACTIONS_ID_TOKEN_REQUEST_URL="http://127.0.0.1:9/token?a=b",
        GRACE_URL="http://127.0.0.1:8/",
    )
    outcome = await run(make_runner(), request)
    assert set(outcome.conclusions.values()) == {"success"}
    assert "have   0" in outcome.log("plain")
    assert "ACTIONS_ID_TOKEN" not in outcome.log("plain")
    assert "http://127.0.0.1:8/ / http://127.0.0.1:8/" in outcome.log("plain")
    assert "have token secret 15" in outcome.log("report")
    assert "http://127.0.0.1:9/token?a=b" in outcome.log("report")
    everything = repr(outcome.events) + (request.log_dir / "runner.log").read_text()
    for secret in ("read-token-1234", "oidc-request-5678", "hush-42", "cmVhZC10b2tlbi0xMjM0"):
        assert secret not in everything


async def test_a_job_over_its_time_is_killed_and_the_rest_goes_on(
    repository, make_runner, run, tmp_path: Path
):
    repository.commit(
        jobs("""
      slow:
        timeout-minutes: 0.01
        runs-on: ubuntu-latest
        steps: [{name: Sleep, run: "sleep 60 & sleep 61"}, {if: always(), run: sleep 62}]
      quick:
        runs-on: ubuntu-latest
        steps: [{run: sleep 1}]
      after:
        needs: slow
        runs-on: ubuntu-latest
        steps: [{run: echo reached}]
    """)
    )
    outcome = await run(make_runner(timeout_s=20), repository.request())
    assert outcome.conclusions == {"slow": "timed_out", "quick": "success", "after": "skipped"}


async def test_a_run_over_its_time_ends(repository, make_runner, run):
    repository.commit(
        jobs("""
      slow: {runs-on: ubuntu-latest, steps: [{run: sleep 60}]}
      after: {runs-on: ubuntu-latest, needs: slow, steps: [{run: echo reached}]}
    """)
    )
    outcome = await run(make_runner(timeout_s=3.0), repository.request())
    assert outcome.conclusions == {"slow": "timed_out", "after": "cancelled"}
    assert "longer than it may" in outcome.finished["slow"].annotations[0].message


def processes_with(mark: str) -> list[str]:
    """Return the processes whose command line has the mark, wherever they hide."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if mark in command:
                found.append(command)
    return found


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("cage", Cage)
async def test_cancel_leaves_no_process_behind(repository, make_runner, cage):
    if not await sandbox.works(cage):
        pytest.skip(f"{cage} cannot be used here")
    mark = f"sleep 61.{os.getpid()}"
    repository.commit(
        jobs(f"""
      slow:
        runs-on: ubuntu-latest
        steps:
          - name: Sleep
            run: "setsid nohup {mark} >/dev/null 2>&1 & echo ready; {mark}"
          - {{if: always(), run: echo reached}}
      later: {{runs-on: ubuntu-latest, needs: slow, if: always(), steps: [{{run: echo reached}}]}}
    """)
    )
    runner = make_runner(cage=cage)
    events = []
    async for event in runner.run(repository.request()):
        events.append(event)
        if isinstance(event, JobLog) and event.line == "ready":
            await until(lambda: processes_with(mark))
            await runner.cancel(7)
    ends = {event.job: event.conclusion for event in events if hasattr(event, "conclusion")}
    assert ends == {"slow": "cancelled", "later": "cancelled"}
    await until(lambda: not processes_with(mark))
    await runner.cancel(7)


async def test_closing_the_iterator_ends_the_run(repository, make_runner):
    mark = f"sleep 63.{os.getpid()}"
    repository.commit(jobs(f"a: {{runs-on: x, steps: [{{run: 'echo ready; {mark}'}}]}}"))
    async with aclosing(make_runner().run(repository.request())) as events:
        async for event in events:
            if isinstance(event, JobLog) and event.line == "ready":
                break
    await until(lambda: not processes_with(mark))


async def test_what_act_refuses_is_told_on_every_job(repository, make_runner, run):
    repository.commit(jobs("a: {runs-on: x, stepz: 1, steps: [{run: echo}]}"))
    outcome = await run(make_runner(), repository.request())
    assert outcome.conclusions == {"a": "failure"}
    assert "stepz" in outcome.finished["a"].annotations[0].message


async def test_an_action_in_the_repository_that_uses_an_unknown_one_fails(
    repository, make_runner, run
):
    action = "name: l\nruns: {using: composite, steps: [{uses: who/knows@v1}]}\n"
    repository.commit(
        jobs("a: {runs-on: x, steps: [{uses: ./local}]}"), {"local/action.yml": action}
    )
    outcome = await run(make_runner(), repository.request())
    assert outcome.conclusions == {"a": "failure"}
    assert "who/knows@v1" in outcome.finished["a"].annotations[0].message


async def test_a_commit_that_does_not_exist_is_an_error(repository, make_runner, run):
    repository.commit(jobs("a: {runs-on: x, steps: [{run: echo}]}"))
    repository.sha = "0" * 40
    with pytest.raises(RunnerError, match="git"):
        await run(make_runner(), repository.request())


async def test_actions_of_a_local_folder_run_with_their_nested_actions(
    repository, make_runner, run, tmp_path: Path
):
    folder = tmp_path / "tool" / "actions" / "greet"
    folder.mkdir(parents=True)
    (folder / "action.yml").write_text(
        textwrap.dedent("""
        name: greet
        description: Greets.
        inputs: {who: {required: true}}
        runs:
          using: composite
          steps:
            - {name: Greet, shell: bash, env: {WHO: "${{ inputs.who }}"}, run: 'echo "hello $WHO" > out.txt'}
            - uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02
              with: {name: greeting, path: out.txt}
    """)
    )
    repository.commit(
        jobs("a: {runs-on: x, steps: [{uses: acme/tool/actions/greet@v1, with: {who: Ann}}]}")
    )
    request = repository.request()
    runner = make_runner(actions={"acme/tool": tmp_path / "tool"})
    outcome = await run(runner, request)
    assert outcome.conclusions == {"a": "success"}, outcome.log("a")
    assert (request.artifact_dir / "greeting" / "out.txt").read_text() == "hello Ann\n"


async def test_a_step_cannot_write_outside_nor_read_what_is_hidden(
    repository, make_runner, run, tmp_path: Path
):
    hidden = tmp_path / "forge-data"
    hidden.mkdir()
    (hidden / "key").write_text("private")
    place = Path.home() / f"written-by-a-step-of-{tmp_path.name}"  # below /tmp steps may write
    repository.commit(
        jobs(f"""
      a:
        runs-on: x
        steps:
          - {{name: Try, run: "cat {hidden}/key || echo unreadable; touch {place} || echo unwritable"}}
          - {{name: Own, run: 'touch "$HOME/x" "$TMPDIR/y" ./z && mktemp'}}
    """)
    )
    outcome = await run(make_runner(hidden=(hidden,)), repository.request())
    assert outcome.conclusions == {"a": "success"}, outcome.log("a")
    log = outcome.log("a").splitlines()
    assert not place.exists()
    assert "unreadable" in log
    assert "unwritable" in log
