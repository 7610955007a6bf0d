"""The SQLite playbooks, killed at every moment, end healed when they are run again."""

import shutil
from pathlib import Path

import pytest
import yaml

from grace.domain.playbooks.playbook import Playbook
from grace.runner.action import ActionFailed
from support.acting import Acting, run_playbook
from support.dying import moments_of
from support.shop_database import APPLICATION, damage, is_whole, make_database, row_count

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
DAMAGED = Playbook.model_validate(
    yaml.safe_load((PLAYBOOKS / "database-corruption-sqlite.yaml").read_text())
)
LOCKED = Playbook.model_validate(
    yaml.safe_load((PLAYBOOKS / "database-locked-sqlite.yaml").read_text())
)


class Accident:
    """A damaged shop, made anew for each death; what stood in it must be there in the end."""

    def __init__(self, folder, mode):
        self.folder = folder
        self.first = folder / "first"
        self.first.mkdir()
        damage(make_database(self.first / "shop.db", mode, rows=300), "by_note")
        self.here = folder / "here"
        self.acting = None

    def prepare(self):
        shutil.rmtree(self.here, ignore_errors=True)
        shutil.copytree(self.first, self.here)
        (self.here / "run").mkdir()
        target = {"path": str(self.here / "shop.db"), "application_id": APPLICATION}
        self.acting = Acting(target, self.here / "run")

    def work(self):
        run_playbook(self.acting, DAMAGED)

    def heals(self):
        # What was found before the death is lost with it; steps find it again.
        acting = Acting(self.acting.target, self.here / "run")
        run_playbook(acting, DAMAGED)
        shop = self.here / "shop.db"
        assert is_whole(shop)
        assert (row_count(shop), row_count(shop, "shops")) == (300, 20)
        kept = [p for p in self.here.iterdir() if p.name.endswith(".old")]
        assert [p.read_bytes() for p in kept] == [(self.first / "shop.db").read_bytes()]


def test_killed_at_every_other_change_of_a_name_it_heals_when_run_again(tmp_path):
    accident = Accident(tmp_path, "wal")
    names = ("os.rename", "os.link")
    moments = moments_of(accident.work, accident.prepare, moments=names, step=2)
    assert len([accident.heals() for _ in moments]) > 3


@pytest.mark.stress
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_killed_at_every_moment_it_heals_when_run_again(tmp_path, mode):
    accident = Accident(tmp_path, mode)
    assert len([accident.heals() for _ in moments_of(accident.work, accident.prepare)]) > 100


@pytest.mark.stress
def test_an_undo_that_is_killed_at_any_moment_is_done_when_run_again(tmp_path):
    accident = Accident(tmp_path, "wal")

    def swapped():
        accident.prepare()
        run_playbook(accident.acting, DAMAGED)

    def undo():
        accident.acting.undo("sqlite.swap", candidates="recover")

    deaths = 0
    for _ in moments_of(undo, swapped):
        undo()
        deaths += 1
        shop = accident.here / "shop.db"
        assert shop.read_bytes() == (accident.first / "shop.db").read_bytes()
        kept = list(accident.here.glob("*.undone"))
        assert [row_count(p) for p in kept] == [300]
    assert deaths > 10


@pytest.mark.stress
def test_ending_a_holder_that_is_killed_at_any_moment_ends_it_when_run_again(tmp_path, hold):
    shop = make_database(tmp_path / "shop.db", "wal", rows=50)
    target = {"path": str(shop), "application_id": APPLICATION}
    quick = LOCKED.model_copy(update={"steps": tuple(s for s in LOCKED.steps if s.id != "wait")})
    held = []
    moments = moments_of(
        lambda: run_playbook(Acting(target, tmp_path), quick), lambda: held.append(hold(shop))
    )
    for _ in moments:
        run_playbook(Acting(target, tmp_path), quick)
        assert held[-1].wait(10) == -15
        assert row_count(shop) == 50
    assert len(held) > 10


def test_a_log_that_was_moved_away_by_a_killed_swap_comes_back(tmp_path, hold):
    shop = damage(make_database(tmp_path / "shop.db", "wal", rows=300), "by_note")
    writer = hold(shop, statement="INSERT INTO shops VALUES ('in the log')")
    writer.kill()
    writer.wait()
    target = {"path": str(shop), "application_id": APPLICATION}
    acting = Acting(target, tmp_path / "run")
    acting.folder.mkdir()
    acting.do("sqlite.copy")
    acting.do("sqlite.recover")
    deaths = 0
    for _ in moments_of(
        lambda: acting.do("sqlite.swap", candidates="recover"),
        lambda: acting.undo("sqlite.swap", candidates="recover"),
        moments=("os.rename",),
    ):
        deaths += 1
        acting.do("sqlite.swap", candidates="recover")
        assert row_count(shop, "shops") == 21
    assert deaths > 3
    acting.undo("sqlite.swap", candidates="recover")
    assert row_count(shop, "shops") == 21
    with pytest.raises(ActionFailed):
        acting.do("sqlite.compare", candidate="nothing")
