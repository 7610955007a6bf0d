"""Agents that a flow test's bot may ask."""

import yaml

from support.flow_base import on_main
from support.flows import Stage

FILE = ".github/workflows/grace-patch.yml"


async def employ(stage: Stage, **diffs: str) -> None:
    """Have the bot know these agents, in this order, and the repository their workflow."""
    agents = [{"name": name, "command": "true"} for name in diffs]
    text = yaml.safe_dump({"agents": agents})
    (stage.folder / "config" / "agents.yaml").write_text(text)
    stage.ci.agents = diffs
    await on_main(stage, {FILE: "on: workflow_dispatch\njobs: {}\n"}, stage.folder / "owner")
