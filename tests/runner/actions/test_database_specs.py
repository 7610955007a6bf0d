from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from grace.domain.playbooks.checking import problems_of
from grace.domain.playbooks.planning import needs
from grace.domain.playbooks.playbook import Playbook
from grace.domain.playbooks.record import WORD, Ordered
from grace.domain.playbooks.run import RunOrder
from grace.domain.playbooks.specs_database import DATABASE
from grace.runner.actions.database_places import DATABASE_PLACES
from grace.runner.registry import action_named

PLAYBOOKS = sorted((Path(__file__).parents[3] / "playbooks").glob("database-*.yaml"))


def test_every_action_has_a_place_and_says_what_it_is():
    assert {spec.name for spec in DATABASE} == set(DATABASE_PLACES)
    for spec in DATABASE:
        assert action_named(spec.name).spec is spec


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_a_playbook_is_sound_and_its_last_resort_needs_a_person(path):
    playbook = Playbook.model_validate(yaml.safe_load(path.read_text()))
    assert playbook.name == path.stem
    assert problems_of(playbook) == ()
    assert needs(playbook).persons == (("swap",) if "corruption" in path.stem else ("end",))


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_an_order_is_the_same_after_it_was_written_down(path):
    playbook = Playbook.model_validate(yaml.safe_load(path.read_text()))
    order = RunOrder(id="run", mission=None, playbook=playbook, target="shop", kind=playbook.target)
    word = Ordered(kind="ordered", order=order, at=datetime(2026, 1, 1, tzinfo=UTC))
    again = WORD.validate_json(WORD.dump_json(word))
    for step, read in zip(playbook.steps, again.order.playbook.steps, strict=True):
        assert {k: repr(v) for k, v in step.with_.items()} == {
            k: repr(v) for k, v in read.with_.items()
        }


def test_all_four_ship():
    assert [path.stem for path in PLAYBOOKS] == [
        "database-corruption-postgresql",
        "database-corruption-sqlite",
        "database-locked-postgresql",
        "database-locked-sqlite",
    ]
