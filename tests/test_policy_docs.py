"""The pages and example files about policy hold: they parse, and they name everything there is."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grace.adapters.config import PolicyKind, RuleFiles, check_policy, load
from grace.cli.main import app
from grace.domain.catalog import Catalog
from grace.domain.policy import Governance
from grace.domain.rules.controls import CONTROLS
from grace.domain.rules.evaluate import JUDGES
from grace.domain.rules.matrix import matrix
from grace.domain.weakening import WeakeningKind
from support.policy_blocks import GATES, KEYS, MEANINGS, PREDICATES, when_keys
from support.world import World

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "bot/grace/config/policies").glob("*.yaml"))
BLOCK = re.compile(r"^```yaml policy\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_tables_name_every_key_gate_and_kind() -> None:
    assert list(PREDICATES) == when_keys()
    assert set(MEANINGS) == set(WeakeningKind)
    assert set(JUDGES) | set(GATES) <= set(CONTROLS)
    assert set(KEYS) <= set(Governance.model_fields)


def test_the_gates_that_are_named_are_those_of_a_verdict_and_of_the_matrix() -> None:
    world = World().file().ci()
    assert world.verdict is not None
    found = [each.name for each in world.verdict.root.children]
    assert [name for name in found if name != "floor"] == list(GATES)
    assert [row.name for row in matrix(Governance(rules=()))] == list(GATES)


def test_the_rules_that_the_page_shows_can_be_used() -> None:
    (text,) = BLOCK.findall((ROOT / "docs/policy.md").read_text())
    known = Governance(roles={"release": ("ada",)})
    rules = RuleFiles(known, Catalog()).rules(text.encode())
    assert rules.problems == ()
    assert rules.policy is not None
    assert len(rules.policy.rules) == 2


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_is_a_floor_that_can_be_used(file: Path) -> None:
    assert check_policy(file, PolicyKind.GOVERNANCE) == []
    assert load(Governance, file.read_text(), file.name).rules


def test_there_are_the_examples_that_the_page_links() -> None:
    assert [file.stem for file in EXAMPLES] == ["solo", "strict"]


def test_this_projects_own_rules_can_be_used() -> None:
    said = CliRunner().invoke(app, ["policy", "check", str(ROOT / ".github/mission-control.yml")])
    assert said.exit_code == 0, said.output


def test_this_projects_own_rules_name_paths_that_are_there() -> None:
    text = (ROOT / ".github/mission-control.yml").read_text()
    for glob in re.findall(r"^ {8}- (\S+)$", text, re.MULTILINE):
        assert list(ROOT.glob(glob)), glob
