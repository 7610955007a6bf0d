"""A journal on the disk: whole lines count, a torn end does not, damage stops everything."""

import stat

import pytest

from grace.domain.playbooks.record import Ordered, Over, TakenUp
from grace.domain.playbooks.run import RunState
from grace.domain.playbooks.runner_file import RunnerFile, SecretPlace
from grace.runner.errors import JournalDamaged, RunnerError
from grace.runner.journal import Journal, all_journals, folder_name, open_state, split
from grace.runner.targets import secret_of, targets_of
from support.playbooks import START, order

WORDS = [Ordered(order=order(), at=START), TakenUp(at=START)]


@pytest.fixture
def journal(tmp_path):
    made = Journal.of(open_state(tmp_path / "state"), order())
    for word in WORDS:
        made.append(word)
    made.close()
    return made


def text(journal):
    return (journal.folder / "journal").read_bytes()


def test_what_is_written_is_read(journal):
    assert Journal(journal.folder).words() == WORDS
    assert Journal(journal.folder / "nothing").words() == []


def test_a_torn_end_is_no_word_and_is_overwritten(journal):
    whole = text(journal)
    last = whole.rindex(b"\n", 0, -1) + 1
    for end in (last + 1, last + 9, len(whole) - 1):
        (journal.folder / "journal").write_bytes(whole[:end])
        again = Journal(journal.folder)
        assert again.words() == WORDS[:1]
        again.append(WORDS[1])
        again.close()
        assert text(journal) == whole


def test_a_last_line_whose_middle_did_not_reach_the_disk_is_no_word(journal):
    whole = bytearray(text(journal))
    whole[-10] ^= 1
    (journal.folder / "journal").write_bytes(bytes(whole))
    assert Journal(journal.folder).words() == WORDS[:1]


def test_damage_before_the_end_is_damage(journal):
    whole = bytearray(text(journal))
    whole[40] ^= 1
    (journal.folder / "journal").write_bytes(bytes(whole))
    with pytest.raises(JournalDamaged, match=r"line 1 of .* is damaged: see what was done"):
        Journal(journal.folder).words()
    with pytest.raises(JournalDamaged):
        Journal(journal.folder).append(WORDS[1])


def test_a_journal_is_for_its_user_alone(journal):
    assert stat.S_IMODE((journal.folder / "journal").stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.files.stat().st_mode) == 0o700


def test_runs_of_one_try_share_a_journal_and_others_do_not(tmp_path):
    first = order()
    later = order(id="mission_20261122_001/run/1.2", first=first.id)
    other = order(id="mission_20261122_001-run-1.1")
    assert Journal.of(tmp_path, first).folder == Journal.of(tmp_path, later).folder
    assert Journal.of(tmp_path, first).folder != Journal.of(tmp_path, other).folder
    for name in ("../../etc/passwd", "a" * 119, "x/..", "."):
        folder = (tmp_path / folder_name(name)).resolve()
        assert folder.parent == tmp_path.resolve()


def test_a_journal_is_parted_by_its_orders():
    later = Ordered(order=order(id="mission_20261122_001/run/1.2"), at=START)
    over = Over(state=RunState.HEALED, sentence="well", at=START)
    words = [*WORDS, over, later, TakenUp(at=START)]
    assert split(words, order().id) == ([], words[:3])
    assert split(words, later.order.id) == (words[:3], words[3:])
    assert split(words, "unheard-of") == (words, [])


def test_the_journals_of_a_runner_are_listed(journal, tmp_path):
    assert [j.folder for j in all_journals(tmp_path / "state")] == [journal.folder]
    assert all_journals(tmp_path / "nothing") == []


def test_a_state_that_others_can_read_is_refused(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(RunnerError, match="is open to other users: chmod 700"):
        open_state(tmp_path / "open")
    (tmp_path / "file").touch()
    with pytest.raises(RunnerError, match="cannot be used"):
        open_state(tmp_path / "file")


def test_secrets_are_found_where_the_file_says(tmp_path):
    (tmp_path / "password").write_text("sesame\n")
    (tmp_path / "password").chmod(0o600)
    target = {
        "kind": "redis",
        "settings": {"port": 6379},
        "secrets": {"password": {"file": "password"}, "user": {"env": "WHO"}},
    }
    file = RunnerFile.model_validate({"name": "here", "state": "s", "targets": {"cache": target}})
    found = targets_of(file, tmp_path, {"WHO": "me"})["cache"]
    assert found.settings == {"port": 6379, "password": "sesame", "user": "me"}
    assert found.hide("it is sesame, said me") == "it is (secret), said me"
    assert found.hide_in({"a": "sesame", "n": 1}) == {"a": "(secret)", "n": 1}
    with pytest.raises(RunnerError, match=r"targets\.cache\.secrets\.user: set WHO"):
        targets_of(file, tmp_path, {})


def test_a_secret_that_others_can_read_or_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "open").write_text("x")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "empty").touch(mode=0o600)
    (tmp_path / "bytes").write_bytes(b"\xff")
    (tmp_path / "bytes").chmod(0o600)
    for name, told in {
        "open": "chmod 600",
        "empty": "is empty",
        "bytes": "no UTF-8",
        "missing": "cannot be read",
    }.items():
        with pytest.raises(RunnerError, match=told):
            secret_of(SecretPlace(file=name), tmp_path, {})
