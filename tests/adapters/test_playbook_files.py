"""Playbooks are read strictly, each problem with its line; those that ship have none."""

import pytest

from grace.adapters.config import ConfigError, load_configuration, load_playbooks, read_playbook
from grace.adapters.config.playbook_files import shipped_playbooks
from grace.domain.playbooks.planning import needs

GOOD = """\
name: mend
description: Mend it.
target: sqlite
symptoms:
  phrases: [database is locked]
healed:
  id: writable
  action: sqlite.writable
steps:
  - id: holder
    action: sqlite.holder
"""


def write(folder, text=GOOD, name="mend.yaml"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder


def problems(folder):
    with pytest.raises(ConfigError) as caught:
        load_playbooks(folder)
    return [(p.line, p.field, p.problem) for p in caught.value.problems]


def test_the_playbooks_that_ship_have_no_problem_and_cover_the_five():
    shipped = load_playbooks()
    files = [f.name for f in shipped_playbooks().iterdir() if f.name.endswith(".yaml")]
    assert len(shipped.playbooks) == len(files)
    for trouble in (
        "database-locked",
        "database-corruption",
        "high-latency",
        "memory-leak",
        "import-error",
    ):
        assert any(p.name.startswith(trouble) for p in shipped.playbooks), trouble
    for each in shipped.playbooks:
        assert needs(each).risk.rank >= 0
        assert each.healed.words or each.description


def test_a_folder_of_ones_own_is_read(tmp_path):
    (found,) = load_playbooks(write(tmp_path / "own")).playbooks
    assert (found.name, found.steps[0].action) == ("mend", "sqlite.holder")
    assert read_playbook(tmp_path / "own/mend.yaml") == found


BUSY = "  action: sqlite.writable\n"


@pytest.mark.parametrize(
    ("old", "new", "place", "told"),
    [
        ("sqlite.holder", "sqlite.holdr", (11, "steps[0].action"), "did you mean sqlite.holder?"),
        ("name: mend", "name: other", (1, "name"), "is not the file's name; write mend"),
        ("target: sqlite", "target: redis", (8, "healed.action"), "is for sqlite"),
        ("    action: sqlite.holder\n", "    acton: x\n", (11, "steps[0].acton"), "did you mean"),
        ("sqlite.writable", "sqlite.swap", (8, "healed.action"), "must only look"),
        (
            BUSY,
            BUSY + "  with: {busy_seconds: 99}\n",
            (9, "healed.with.busy_seconds"),
            "must be at most 60",
        ),
        ("Mend it.", "*a", (2, ""), "not read"),
    ],
)
def test_each_problem_is_told_with_its_line(tmp_path, old, new, place, told):
    found = problems(write(tmp_path, GOOD.replace(old, new)))
    assert any((at, where) == place and told in said for at, where, said in found), found


def test_all_files_are_checked_at_once(tmp_path):
    write(tmp_path, GOOD.replace("sqlite.holder", "a.b"))
    write(tmp_path, GOOD.replace("name: mend", "name: more").replace("holder", "x"), "more.yaml")
    (tmp_path / "bad.yaml").write_bytes(b"\xff")
    (tmp_path / "folder.yaml").mkdir()
    assert len(problems(tmp_path)) == 4
    assert problems(tmp_path / "nothing") == [(1, "", "is not a folder; create it")]


def test_too_many_playbooks_are_refused(tmp_path):
    for number in range(101):
        write(tmp_path, GOOD.replace("name: mend", f"name: m{number}"), f"m{number}.yaml")
    assert "has more than 100 playbooks; remove some" in [said for *_, said in problems(tmp_path)]


def test_the_configuration_has_them_and_its_hash_too(tmp_path):
    assert load_configuration().playbooks == load_playbooks()
    config = tmp_path / "config"
    write(config / "playbooks")
    assert [p.name for p in load_configuration(config).playbooks.playbooks] == ["mend"]
    other = write(tmp_path / "other", GOOD.replace("name: mend", "name: own"), "own.yaml")
    assert [p.name for p in load_configuration(config, other).playbooks.playbooks] == ["own"]
    policy = load_configuration(config).policy("grace[bot]", 1)
    assert policy.playbooks.named("mend") is not None


def test_a_playbook_of_a_subsystem_that_is_not_there_is_refused(tmp_path):
    config = tmp_path / "config"
    write(config / "playbooks", GOOD + "subsystems: [unheard_of]\n")
    with pytest.raises(ConfigError, match="unheard_of is not in subsystems"):
        load_configuration(config)
