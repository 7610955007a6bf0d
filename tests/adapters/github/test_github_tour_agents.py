"""Agents' runs against a forge that really runs workflows: ordered, told of, read, or not ours."""

import base64
import re
import sys
import textwrap
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.domain.events import AgentRunEnded
from grace.localforge.runner import ActRunner
from grace.ports import ForgeRefused, ProposalQuery
from grace.setup.patch_workflow_text import patch_workflow
from grace.setup.repository import Found
from support.tour import Tour, toured

PAGE = Path(__file__).parents[3] / "docs" / "api-budget.md"
HERE = "/repos/{owner}/{repo}"
KEY = "mission_20260301_001/ask/1"
FILE = ".github/workflows/grace-patch.yml"
# In place of Grace's own action: what the task says becomes what is proposed.
ACTION = """\
name: Stand-in
description: Proposes what it is told.
inputs: {task: {}, agent: {}, base: {}, test: {}}
runs:
  using: composite
  steps:
    - name: Propose
      shell: bash
      env:
        TASK: ${{ inputs.task }}
        BASE: ${{ inputs.base }}
        OUT: ${{ runner.temp }}/out
      run: |
        test "$(git rev-parse HEAD)" = "$BASE"
        test -e README.md
        mkdir "$OUT"
        case $(cat "$TASK") in
          nothing) exit 1 ;;
          bomb) head -c 3000000 /dev/zero > "$OUT/proposal.json" ;;
          *) cp "$TASK" "$OUT/proposal.json" ;;
        esac
    - name: Upload
      uses: actions/upload-artifact@v4
      with:
        name: grace-patch
        path: ${{ runner.temp }}/out
"""


@pytest.fixture
async def ordering(tmp_path: Path, key_pem: str) -> AsyncIterator[Tour]:
    """A tour whose forge runs the workflow that `grace init` writes, with a stand-in action."""
    action = tmp_path / "grace" / "actions" / "patch" / "action.yml"
    action.parent.mkdir(parents=True)
    action.write_text(ACTION)
    act = Path(sys.executable).parent / "act"
    runner = ActRunner(act, {"acme/grace": tmp_path / "grace"}, python=Path(sys.executable))
    text = patch_workflow(Found("mesh", None, "main", False, "", {}, None, None), "acme/grace@v1")
    async with toured(tmp_path, key_pem, runner) as made:
        await put(made, text)
        await made.heard()
        yield made


async def put(tour: Tour, text: str, branch: str = "main") -> None:
    content = base64.b64encode(text.encode()).decode()
    body = {"message": "Let agents be asked", "content": content, "branch": branch}
    await tour.person("ada", "PUT", f"/contents/{FILE}", **body)


async def inputs(tour: Tour, task: str, request: str = KEY) -> dict[str, str]:
    tip = (await tour.person("ada", "GET", "/git/ref/heads/main")).json()["object"]["sha"]
    return {"request": request, "agent": "repair", "base": tip, "task": task}


async def order(tour: Tour, task: str, request: str = KEY) -> None:
    given = await inputs(tour, task, request)
    await tour.forge.run_workflow(tour.ref, "grace-patch.yml", "main", given)


def query(request: str = KEY, branch: str = "main") -> ProposalQuery:
    since = datetime.now(UTC) - timedelta(minutes=1)
    return ProposalQuery(request, "grace-patch.yml", branch, since)


async def test_what_an_agent_was_told_comes_back_as_its_proposal(ordering: Tour) -> None:
    hostile = '{"v": 1, "s": "\'; touch /tmp/x; $(id) `id` ${{ github.token }} \\u202e é"}'
    assert await ordering.forge.read_proposal(ordering.ref, query()) is None
    await order(ordering, hostile)
    routed, _ = await ordering.heard()
    (told,) = (each for each in routed if isinstance(each.event, AgentRunEnded))
    assert isinstance(told.event, AgentRunEnded)
    assert (told.target.branch, told.event.request) == ("grace/mission_20260301_001", KEY)
    found = await ordering.forge.read_proposal(ordering.ref, query())
    assert found is not None
    assert (found.run, found.conclusion) == (told.event.run, "success")
    assert found.body == hostile.encode()


async def test_an_agent_costs_the_calls_that_the_budget_lists(ordering: Tour) -> None:
    await ordering.forge.identity()
    ordering.calls.clear()
    await order(ordering, '{"v": 1}')
    await ordering.local.idle()
    await ordering.forge.read_proposal(ordering.ref, query())
    made = [f"{call.method} {call.path.removeprefix(HERE)}" for call in ordering.calls]
    section = PAGE.read_text().partition("\n## An agent that is asked\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\|[^|]*\| `([A-Z]+ /[^`]+)` \|", section, re.MULTILINE)
    of_adapter = [call for call in listed if "/comments/" not in call]  # which the bot edits
    assert [re.sub(r"\{run\}", "{id}", call) for call in made] == of_adapter
    assert "**5 calls, 1 download**" in section  # the edit among them
    assert len(made) == 4


async def test_a_run_that_fails_or_leaves_a_bomb_has_no_proposal(ordering: Tour) -> None:
    await order(ordering, "nothing", f"{KEY}1")
    await order(ordering, "bomb", f"{KEY}2")
    await ordering.local.idle()
    failed = await ordering.forge.read_proposal(ordering.ref, query(f"{KEY}1"))
    assert failed is not None
    assert (failed.conclusion, failed.body) == ("failure", None)
    bomb = await ordering.forge.read_proposal(ordering.ref, query(f"{KEY}2"))
    assert bomb is not None
    assert (bomb.conclusion, bomb.body) == ("success", None)


async def test_a_run_of_somebody_else_under_our_title_counts_for_nothing(ordering: Tour) -> None:
    body = {"ref": "main", "inputs": await inputs(ordering, '{"mine": 1}')}
    await ordering.person("rex", "POST", "/actions/workflows/grace-patch.yml/dispatches", **body)
    routed, notes = await ordering.heard()
    assert not [each for each in routed if isinstance(each.event, AgentRunEnded)]
    assert any("not ordered by us" in note for note in notes)
    assert await ordering.forge.read_proposal(ordering.ref, query()) is None
    await order(ordering, '{"ours": 1}')
    await ordering.local.idle()
    found = await ordering.forge.read_proposal(ordering.ref, query())
    assert found is not None
    assert found.body == b'{"ours": 1}'


async def test_a_run_on_another_branch_counts_for_nothing(ordering: Tour) -> None:
    given = await inputs(ordering, '{"there": 1}')
    await ordering.person("ada", "POST", "/git/refs", ref="refs/heads/rex/copy", sha=given["base"])
    await ordering.forge.run_workflow(ordering.ref, "grace-patch.yml", "rex/copy", given)
    await ordering.local.idle()
    assert await ordering.forge.read_proposal(ordering.ref, query()) is None
    assert await ordering.forge.read_proposal(ordering.ref, query(branch="rex/copy")) is not None


async def test_an_order_that_came_through_twice_has_one_answer(ordering: Tour) -> None:
    await order(ordering, '{"n": 1}')
    await order(ordering, '{"n": 2}')
    await ordering.local.idle()
    for _ in range(2):
        found = await ordering.forge.read_proposal(ordering.ref, query())
        assert found is not None
        assert found.body == b'{"n": 1}'


async def test_a_workflow_that_takes_no_orders_says_what_to_do(tour: Tour) -> None:
    with pytest.raises(ForgeRefused, match="is not on branch main: run `grace init` again"):
        await order(tour, "x")


async def test_a_workflow_of_an_older_version_says_what_to_do(ordering: Tour) -> None:
    old = textwrap.dedent("""\
        on: {workflow_dispatch: {inputs: {request: }}}
        jobs: {propose: {runs-on: ubuntu-latest, steps: [{run: echo}]}}
        """)
    there = await ordering.person("ada", "GET", f"/contents/{FILE}")
    body = {"message": "Old", "content": base64.b64encode(old.encode()).decode()}
    await ordering.person("ada", "PUT", f"/contents/{FILE}", sha=there.json()["sha"], **body)
    with pytest.raises(ForgeRefused, match=r"Unexpected inputs provided.*`grace init` writes"):
        await order(ordering, "x")
