"""An agent that is really asked: the demo's workflow, the actions, a sandbox, a proposal."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest

from grace.app.remedying import proposal_of
from grace.demo.tools import make_runner
from grace.domain.effects import AskAgent, ReadProposal
from grace.domain.events import AgentRunEnded
from grace.domain.package import MissionPackage
from grace.domain.proposals import AgentTask, FailingTest, Refusal
from grace.ports import ProposalQuery
from support.flow_keys import make_app_key
from support.tour import Tour, toured

KEY = "mission_20260301_001/ask/1"
WORKFLOW = ".github/workflows/grace-patch.yml"
FILES = {
    "mesh.py": "def newest(times):\n    return min(times)\n",
    "tests/unit/test_mesh.py": (
        "from mesh import newest\n\n\ndef test_newest():\n    assert newest([1, 3, 2]) == 3\n"
    ),
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\n',
    WORKFLOW: (resources.files("grace.demo") / "template" / WORKFLOW).read_text("utf-8"),
}


@pytest.fixture
async def tour(tmp_path: Path) -> AsyncIterator[Tour]:
    """Run a forge as the demo does, with a repository whose one test fails."""
    private, _ = make_app_key()
    async with toured(tmp_path, private, make_runner([])) as made:
        for path, text in FILES.items():
            content = base64.b64encode(text.encode()).decode()
            await made.person(
                "ada", "PUT", f"/contents/{path}", message=path, content=content, branch="main"
            )
        await made.heard()
        yield made


def task_of(base: str, agent: str) -> AgentTask:
    mission = MissionPackage.model_validate(
        {
            "mission_id": "mission_20260301_001",
            "subsystem_id": "mesh",
            "severity": "low",
            "status": "in_progress",
            "created_at": "2026-03-01T09:00:00Z",
            "symptoms": [{"description": "the newest time is the oldest"}],
            "acceptance_criteria": {"must_pass_tests": ["tests/unit/test_mesh.py::test_newest"]},
        }
    )
    failing = (FailingTest(name="tests/unit/test_mesh.py::test_newest", message="assert 1 == 3"),)
    return AgentTask(request=KEY, agent=agent, mission=mission, base=base, failing=failing)


async def ask(tour: Tour, agent: str) -> tuple[ReadProposal, ProposalQuery]:
    """Order a run, wait until it ended, and tell what is to be read."""
    base = (await tour.person("ada", "GET", "/git/ref/heads/main")).json()["object"]["sha"]
    task, since = task_of(base, agent), datetime.now(UTC) - timedelta(minutes=1)
    effect = AskAgent(key="k", task=task, workflow="grace-patch.yml", branch="main")
    inputs = {
        "request": KEY,
        "agent": agent,
        "base": base,
        "task": task.model_dump_json(exclude_defaults=True),
    }
    await tour.forge.run_workflow(tour.ref, effect.workflow, effect.branch, inputs)
    routed, _ = await tour.heard()
    assert [each.event.request for each in routed if isinstance(each.event, AgentRunEnded)] == [KEY]
    wanted = ReadProposal(
        key="r",
        request=KEY,
        agent=agent,
        base=base,
        workflow=effect.workflow,
        branch="main",
        since=since,
    )
    return wanted, ProposalQuery(KEY, effect.workflow, "main", since)


@pytest.mark.stress
async def test_repair_finds_the_fix_in_a_job_and_the_bot_reads_it(tour: Tour) -> None:
    wanted, query = await ask(tour, "repair")
    found = await tour.forge.read_proposal(tour.ref, query)
    assert found is not None
    assert found.conclusion == "success"
    proposal = proposal_of(wanted, found)
    assert proposal.refusal is None, proposal.sentence
    assert "+    return max(times)" in (proposal.diff or "")
    assert proposal.plausible


@pytest.mark.stress
async def test_an_agent_that_nobody_knows_is_refused_with_a_sentence(tour: Tour) -> None:
    wanted, query = await ask(tour, "nobody-knows")
    found = await tour.forge.read_proposal(tour.ref, query)
    assert found is not None
    proposal = proposal_of(wanted, found)
    assert proposal.refusal in {Refusal.FAILED, Refusal.INVALID}
    assert proposal.sentence
