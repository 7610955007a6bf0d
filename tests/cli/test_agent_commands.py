"""`grace agent`: list, presets, lint, try and run."""

import json

import pytest
from typer.testing import CliRunner

from grace.cli.agent import app
from grace.domain.proposals import Proposal
from support.agent_places import FIX, TEST, git, repository, task

AGENTS = f"""\
agents:
  - name: fixer
    command: |-
      {FIX}
  - name: idle
    command: "true"
    money_usd: 2
    model: m
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "agents.yaml").write_text(AGENTS)
    return str(tmp_path / "config")


@pytest.fixture
def root(tmp_path):
    repository(tmp_path / "repo")
    return tmp_path / "repo"


def grace(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"PIP_INDEX_URL": None})


def test_agents_are_listed_in_their_order(config):
    told = grace("list", "--config-dir", config).stdout.splitlines()
    assert [line.split()[0] for line in told] == ["NAME", "fixer", "idle"]
    assert told[2].split() == ["idle", "command", "m", "no", "15", "2", "all"]


def test_presets_are_told_with_what_installs_them():
    told = grace("presets").stdout
    assert "claude-code\n  npm install -g @anthropic-ai/claude-code\n" in told
    assert told.count("https://") == 5


def test_a_file_is_checked(config, tmp_path):
    assert grace("lint", "--config-dir", config).stdout == "agents.yaml: 2 agents, nothing wrong\n"
    (tmp_path / "config" / "agents.yaml").write_text("agents: [{name: x}]\n")
    wrong = grace("lint", "--config-dir", config)
    assert wrong.exit_code == 2
    assert "give one of builtin, preset and command" in wrong.stderr


def test_trying_prints_the_patch_and_leaves_the_repository_alone(config, root, tmp_path):
    (root / "calc.py").write_text("dirty\n")
    (root / "new.py").write_text("dirty\n")
    before = git(root, "status", "--porcelain")
    out = tmp_path / "out"
    done = grace(
        "try", "fixer", "--repo", root, "--test", TEST, "--out", out, "--config-dir", config
    )
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("diff --git a/calc.py b/calc.py\n")
    assert "not committed, so not tried: calc.py, new.py" in done.stderr
    assert "It is plausible: the test succeeds with it" in done.stderr
    assert git(root, "status", "--porcelain") == before
    assert (root / "calc.py").read_text() == "dirty\n"
    proposal = Proposal.model_validate_json((out / "proposal.json").read_bytes())
    assert proposal.diff == (out / "patch.diff").read_text() == done.stdout


def test_no_patch_ends_with_3_and_says_what_to_do_next(config, root, tmp_path):
    out = tmp_path / "out"
    done = grace("try", "idle", "--repo", root, "--out", out, "--config-dir", config)
    assert done.exit_code == 3
    assert done.stdout == ""
    assert "No patch (no_change). The agent changed nothing.\nSay more" in done.stderr
    assert json.loads((out / "proposal.json").read_text())["refusal"] == "no_change"
    assert not (out / "patch.diff").exists()


def test_a_task_in_a_file_is_run_at_its_base(config, root, tmp_path):
    base = git(root, "rev-parse", "HEAD")
    git(root, "commit", "-q", "--allow-empty", "-m", "later")
    (tmp_path / "task.json").write_text(task(base).model_dump_json())
    words = ("--task", tmp_path / "task.json", "--out", tmp_path / "out", "--repo", root)
    done = grace("run", "fixer", *words, "--config-dir", config)
    assert done.exit_code == 0, done.stderr
    proposal = Proposal.model_validate_json((tmp_path / "out" / "proposal.json").read_bytes())
    assert (proposal.base, proposal.request) == (base, "mission_20261122_001/ask/1")
    (tmp_path / "task.json").write_text("{}")
    assert grace("run", "fixer", *words, "--config-dir", config).exit_code == 2


def test_what_is_not_there_is_told(config, root, tmp_path):
    done = grace("try", "nobody", "--repo", root, "--config-dir", config)
    assert done.exit_code == 2
    assert "there are: fixer, idle, repair, revert, bump, claude-code" in done.stderr
    done = grace("try", "fixer", "--repo", tmp_path, "--config-dir", config)
    assert done.exit_code == 2
    assert "not a git repository" in done.stderr
