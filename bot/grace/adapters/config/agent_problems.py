"""What is wrong with agents beyond their form: subsystems that are not there."""

from collections.abc import Iterator

from grace.adapters.config.strict import ConfigProblem, Source, compose, locate
from grace.domain.agents import Agents
from grace.domain.catalog import Subsystems


def unknown_in_agents(
    source: Source, agents: Agents, subsystems: Subsystems
) -> Iterator[ConfigProblem]:
    """Find subsystems of agents that subsystems.yaml does not have."""
    root = compose(source)
    for i, agent in enumerate(agents.agents):
        for j, name in enumerate(agent.subsystems):
            if name not in subsystems.subsystems:
                node, path = locate(root, ("agents", i, "subsystems", j))
                told = f"{name} is not in subsystems.yaml; add it there"
                yield source.problem(node, path, told)
