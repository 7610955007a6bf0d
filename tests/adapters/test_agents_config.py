"""`agents.yaml`: what ships, and what is refused."""

import pytest

from grace.adapters.config import ConfigError, config_hash, load_configuration


def problems(folder, text):
    (folder / "agents.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_configuration(folder)
    return [str(problem).removeprefix(str(folder)) for problem in caught.value.problems]


def test_the_agents_that_ship_need_neither_network_nor_model():
    agents = load_configuration().agents.agents
    assert [agent.name for agent in agents] == ["revert", "repair", "bump"]
    assert not any(agent.network or agent.model or agent.command for agent in agents)


def test_agents_are_part_of_the_policy_and_of_the_hash(tmp_path):
    (tmp_path / "agents.yaml").write_text("agents:\n  - {name: own, command: ./fix}\n")
    loaded = load_configuration(tmp_path)
    assert [agent.name for agent in loaded.policy("grace[bot]", 1).agents.agents] == ["own"]
    assert config_hash(loaded) != config_hash(load_configuration())


def test_a_subsystem_that_is_not_there_is_told_at_its_line(tmp_path):
    text = "agents:\n  - name: own\n    command: ./fix\n    subsystems: [nowhere]\n"
    assert problems(tmp_path, text) == [
        "/agents.yaml:4: agents[0].subsystems[0]: nowhere is not in subsystems.yaml; add it there"
    ]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("{name: own}", "give one of builtin, preset and command"),
        ("{name: own, builtin: repair, command: x}", "give one of builtin, preset and command"),
        ("{name: own, preset: cursor}", "'claude-code', 'codex', 'aider'"),
        ("{name: own, command: x, model_url: 'ftp://x'}", "model_url"),
        ("{name: own, command: x, model_url: 'http://u:p@x'}", "model_url"),
        ("{name: own, command: x, key: secret}", "key"),
    ],
)
def test_an_agent_is_one_of_three_and_nothing_else(tmp_path, fields, told):
    assert told in " ".join(problems(tmp_path, f"agents:\n  - {fields}\n"))
