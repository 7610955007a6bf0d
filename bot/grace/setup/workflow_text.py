"""The workflow that `grace init` writes: suites, head's tests on the base, load, scan, report."""

import json
from typing import Final

from grace.setup.repository import Found

EDIT: Final = "EDIT THIS"
CHECKOUT: Final = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
PYTHON: Final = "actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0"
_HEAD: Final = "${{ github.event.merge_group.head_sha || github.event.pull_request.head.sha }}"
_BASE: Final = "${{ github.event.merge_group.base_sha || github.event.pull_request.base.sha }}"

_TOP: Final = """\
# Written by `grace init`. It runs what Grace asks of a mission's pull request: the test suites,
# its tests on the base's code, a load test, a security scan, and a report of what they found. Lines
# to look at are marked {edit}.
name: grace

on:
  pull_request:
    types: [opened, synchronize, reopened]
  merge_group: # where a merge queue is required, what it is about to land is tested too

permissions: {{}}

jobs:
"""
_JOB: Final = """\
  {job}:
{needs}    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      contents: read # to check out
    steps:
      - name: Check out the head of the pull request
        uses: {checkout}
        with:
          ref: {head}
          persist-credentials: false
"""
_BASE_STEP: Final = """\
      - name: Check out the base to compare with
        uses: {checkout}
        with:
          ref: {base}
          path: base
          persist-credentials: false
"""
PYTHON_STEP: Final = """\
      - name: Set up Python
        uses: {python}
        with:
          python-version: "3.x"
      - name: Install what the tests need
{where}        run: {install}
"""
_APART: Final = """\
      - name: Take the base out of the head's checkout
        run: mv base "$RUNNER_TEMP/base"
"""
_IN_BASE: Final = "${{ runner.temp }}/base"
_NO_BASE: Final = """\
  # No suite was found that could run on the base's code too, which shows what a test proves: see
  # `subject` of the action tests.

"""
_SARIF: Final = """\
  # Shows the findings in code scanning, and checks nothing out. Never red: where code scanning is
  # off, remove it. A pull request of a fork may not write here. To show them in a private
  # repository it needs `actions: read` and `contents: read` as well.
  sarif:
    needs: [hunter]
    if: ${{ !cancelled() && github.event.pull_request.head.repo.full_name == github.repository }}
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions:
      security-events: write # to show findings in code scanning
    steps:
      - name: Fetch what the scan found
        continue-on-error: true
        uses: actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093 # v4.3.0
        with:
          name: grace-results-hunter
          path: hunter
      - name: Show it in code scanning
        continue-on-error: true
        uses: github/codeql-action/upload-sarif@192325c86100d080feab897ff886c34abd4c83a3 # v3.30.3
        with:
          sarif_file: hunter/hunter.sarif
          ref: refs/pull/${{ github.event.pull_request.number }}/head
          sha: ${{ github.event.pull_request.head.sha }}
          wait-for-processing: false

"""
_REPORT: Final = """\
  # Checks nothing out: only this job holds a token that speaks for CI.
  report:
    needs: [{needs}]
    if: always()
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions:
      id-token: write # to prove to Grace which job reports
    steps:
      - name: Report to Grace
        uses: {actions}/actions/report{ref}
        with:
          url: ${{{{ vars.GRACE_URL }}}}
"""
_NO_LOAD: Final = f"""\
  # {EDIT}: no locustfile was found, so no load is put on the service. Write one and run
  # `grace init` again, or have the operator of Grace set `stress.required: false` in
  # governance.yaml.

"""


def workflow(found: Found, actions: str) -> str:
    """Write the workflow for a repository. `actions` is OWNER/NAME@REF, where Grace's actions are.

    A command that could not be found is one that fails and says what to do: it never passes.
    """
    repository, _, ref = actions.partition("@")
    on_base = ("red-on-base",) if runs_on_base(found) else ()
    load = ("stress",) if found.locustfile else ()
    jobs = [*found.suites, *on_base, *load, "hunter"]
    parts = [_TOP.format(edit=EDIT)]
    parts += [_suite(found, suite, f"{repository}/actions/tests@{ref}") for suite in found.suites]
    parts.append(_red_on_base(found, f"{repository}/actions/tests@{ref}") if on_base else _NO_BASE)
    parts.append(
        _stress(found, f"{repository}/actions/stress@{ref}") if found.locustfile else _NO_LOAD
    )
    parts += [_hunter(f"{repository}/actions/hunter@{ref}"), _SARIF]
    report = _REPORT.format(needs=", ".join(jobs), actions=repository, ref=f"@{ref}")
    return "".join([*parts, report])


def runs_on_base(found: Found) -> bool:
    """Tell whether the workflow has a job that runs tests on the base's code."""
    return any(found.suites.values())


def edits(text: str) -> int:
    """Count the lines of a workflow that somebody must look at, besides the heading."""
    return text.count(EDIT) - 1


def _suite(found: Found, suite: str, action: str) -> str:
    folder = found.suites[suite]
    if folder is None:
        command = (
            f"echo 'no {suite} tests were found: write their command into grace.yml' >&2; exit 1"
        )
        note = f" # {EDIT}: runners other than pytest write JUnit XML to {{junit}}"
    else:
        command, note = pytest_command(folder), ""
    return (
        _opening(found, suite)
        + f"      - name: Run the {suite} tests\n"
        + f"        uses: {action}\n"
        + "        with:\n"
        + f"          suite: {suite}\n"
        + f"          command: {json.dumps(command)}{note}\n\n"
    )


def _red_on_base(found: Found, action: str) -> str:
    text = (
        _JOB.format(job="red-on-base", needs="", checkout=CHECKOUT, head=_HEAD)
        + _BASE_STEP.format(checkout=CHECKOUT, base=_BASE)
        + _APART
    )
    if found.python:
        where = f"        working-directory: {_IN_BASE}\n"
        text += PYTHON_STEP.format(python=PYTHON, where=where, install=json.dumps(found.install))
    for suite, folder in found.suites.items():
        if folder is not None:
            text += (
                f"      - name: Run the head's {suite} tests on the base\n"
                f"        uses: {action}\n"
                "        with:\n"
                f"          suite: {suite}\n"
                f"          command: {json.dumps(pytest_command(folder))}\n"
                "          subject: base\n"
                f"          base-path: {_IN_BASE}\n"
            )
    return f"{text}\n"


def pytest_command(folder: str) -> str:
    """Write the command that runs a folder's tests."""
    return f"python -m pytest {folder}"


def _stress(found: Found, action: str) -> str:
    if found.start is None:
        start = "echo 'write the command that serves on $PORT into grace.yml' >&2; exit 1"
        note = f" # {EDIT}: it fails until you do"
    else:
        start, note = found.start, f" # {EDIT}: serves on $PORT?"
    return (
        _opening(found, "stress", needs=list(found.suites))
        + _BASE_STEP.format(checkout=CHECKOUT, base=_BASE)
        + "      - name: Put load on head and base\n"
        + f"        uses: {action}\n"
        + "        with:\n"
        + f"          start: {json.dumps(start)}{note}\n"
        + f"          locustfile: {found.locustfile}\n"
        + '          users: "16"\n'
        + '          duration-seconds: "30"\n'
        + "          base-path: base\n\n"
    )


def _hunter(action: str) -> str:
    return (
        _JOB.format(job="hunter", needs="", checkout=CHECKOUT, head=_HEAD)
        + _BASE_STEP.format(checkout=CHECKOUT, base=_BASE)
        + "      - name: Scan for security what the base has not\n"
        + f"        uses: {action}\n"
        + "        with:\n"
        + "          base-path: base\n\n"
    )


def _opening(found: Found, job: str, needs: list[str] | None = None) -> str:
    line = f"    needs: [{', '.join(needs)}]\n" if needs else ""
    text = _JOB.format(job=job, needs=line, checkout=CHECKOUT, head=_HEAD)
    if not found.python:
        return text
    return text + PYTHON_STEP.format(python=PYTHON, where="", install=json.dumps(found.install))
