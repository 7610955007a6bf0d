"""The workflow that `grace init` writes for agents: it is started by Grace, and leaves a patch."""

import json
from typing import Final

from grace.setup.repository import Found
from grace.setup.workflow_text import CHECKOUT, PYTHON, PYTHON_STEP, pytest_command

_TEXT: Final = """\
# Written by `grace init`. Grace starts it where a mission has no patch that holds: an agent works
# on a checkout of the base, in a sandbox, and what it proposes leaves as an artifact that Grace
# reads. The job can write nothing. A run is found by this file and by `run-name`: leave both.
name: grace-patch
run-name: grace patch ${{{{ inputs.request }}}}

on:
  workflow_dispatch:
    inputs:
      request:
        description: What Grace finds the run by
        required: true
        type: string
      agent:
        description: The agent that is asked, as agents.yaml names it
        required: true
        type: string
      base:
        description: SHA of the commit that the patch is for
        required: true
        type: string
      task:
        description: What the agent is told, as JSON
        required: true
        type: string

permissions: {{}}

jobs:
  propose:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    permissions:
      contents: read # to check out
    steps:
      - name: Check out the base
        uses: {checkout}
        with:
          ref: ${{{{ inputs.base }}}}
          fetch-depth: 0 # an agent may look for the change that broke it
          persist-credentials: false
{python}      - name: Write the task down
        env:
          TASK: ${{{{ inputs.task }}}}
        run: printf '%s' "$TASK" > "$RUNNER_TEMP/task.json"
      - name: Let bubblewrap make a sandbox, which Ubuntu 24.04 forbids
        run: |
          if bwrap --unshare-user --ro-bind / / true 2> /dev/null; then exit 0; fi
          if ! sudo -n true 2> /dev/null; then exit 0; fi # then the next step says what is missing
          sudo apt-get update --quiet && sudo apt-get install --yes --quiet bubblewrap
          sudo tee /etc/apparmor.d/bwrap > /dev/null <<'PROFILE'
          abi <abi/4.0>,
          include <tunables/global>
          profile bwrap /usr/bin/bwrap flags=(unconfined) {{
            userns,
          }}
          PROFILE
          sudo apparmor_parser --replace /etc/apparmor.d/bwrap
      - name: Have the agent propose a patch
        uses: {action}
        with:
          task: ${{{{ runner.temp }}}}/task.json
          agent: ${{{{ inputs.agent }}}}
          base: ${{{{ inputs.base }}}}
{test}          # An agent that asks a model needs its key, which stays outside of the sandbox:
          # model-key: ${{{{ secrets.GRACE_MODEL_KEY }}}}
"""


def patch_workflow(found: Found, actions: str) -> str:
    """Write it for a repository. `actions` is OWNER/NAME@REF, where Grace's actions are."""
    repository, _, ref = actions.partition("@")
    python = (
        PYTHON_STEP.format(python=PYTHON, where="", install=json.dumps(found.install))
        if found.python
        else ""
    )
    folder = next((f for f in found.suites.values() if f is not None), None)
    test = "" if folder is None else f"          test: {json.dumps(pytest_command(folder))}\n"
    return _TEXT.format(
        checkout=CHECKOUT, python=python, action=f"{repository}/actions/patch@{ref}", test=test
    )
