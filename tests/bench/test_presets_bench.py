"""The presets with the real programs, where they are on the PATH, and a model that is none."""

import os
import shutil
from pathlib import Path

import pytest

from bench.figures import tell
from grace.agents import run_agent
from grace.agents.presets import ABOUT
from grace.domain.agents import Agent, Preset
from grace.domain.proposals import Budget
from support.agent_places import FIX, place, repository, task
from support.fake_model import KEY, FakeModel

EDIT = "calc.py\n```\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n```\n"
# Each of the dialects that a preset speaks, by the name of a model.
MODELS = {
    Preset.CLAUDE_CODE: ("claude-sonnet-4-5",),
    Preset.CODEX: ("gpt-5-codex",),
    Preset.AIDER: ("openai/gpt-4o", "anthropic/claude-sonnet-4-5"),
    Preset.MINI_SWE_AGENT: ("openai/gpt-5", "anthropic/claude-sonnet-4-5"),
    Preset.OPENHANDS: ("openai/gpt-4o", "anthropic/claude-sonnet-4-5"),
}


@pytest.mark.bench
@pytest.mark.parametrize(("preset", "model"), [(p, m) for p, ms in MODELS.items() for m in ms])
def test_the_real_program_leaves_a_patch(tmp_path, preset, model):
    program = ABOUT[preset].program
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not on the PATH: {ABOUT[preset].makes}")
    root = tmp_path / "checkout"
    base = repository(root)
    with FakeModel(FIX, EDIT).serving() as fake:
        agent = Agent(
            name="other",
            preset=preset,
            model=model,
            model_url=fake.url,
            price_in_usd=3,
            price_out_usd=15,
            money_usd=1,
            minutes=4,
        )
        own = place(root, path=(Path(found).parent,), model_key=KEY)
        asked = task(base, budget=Budget(minutes=4, money_usd=1))
        proposal = run_agent(asked, agent, own)
    assert proposal.sentence == ""
    assert "+    return a + b" in (proposal.diff or "")
    assert "calc.py" in (proposal.diff or "")
    assert proposal.plausible is True
    assert proposal.usage.measured
    assert {
        seen.headers.get("x-api-key") or seen.headers.get("Authorization") for seen in fake.asked
    } <= {KEY, f"Bearer {KEY}"}
    assert KEY not in os.environ.values()
    tell(
        f"{preset.value} with {model}: a patch after {proposal.usage.seconds:.1f} s, "
        f"{len(fake.asked)} questions, {proposal.usage.money_usd:.4f} US dollars at given prices"
    )
