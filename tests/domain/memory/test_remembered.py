"""What later entries do to a memory: each is a fold, and none makes a lesson better than it was."""

import pytest

from grace.domain.memory.folding import KINDS, first, folded, payload_of
from grace.domain.memory.recollection import Result, Trial
from grace.domain.memory.remembered import Lesson


def test_what_was_written_is_read_again_with_its_entry(leave):
    left = leave(entry=0)
    assert first(payload_of(left), 9) == left.model_copy(update={"entry": 9})


def test_what_came_back_held_only_at_first(leave):
    lost = Trial(remedy="candidate:c1", result=Result.FAILED)
    left = leave(tried=(lost, Trial(remedy="agent:repair", result=Result.HELD)))
    assert left.held
    found = folded(left, "mission.ineffective", {"by": "mission_20261201_001"}, "grace")
    assert [trial.result for trial in found.tried] == [Result.FAILED, Result.INEFFECTIVE]
    assert (found.effective, found.recurred) == (False, "mission_20261201_001")
    assert (found.held, found.lesson) == (False, Lesson.FORGOTTEN)


def test_a_capa_opens_and_closes(leave):
    found = leave()
    for kind, is_open in (("filed", True), ("closed", False), ("reopened", True)):
        found = folded(found, f"mission.capa_{kind}", {"number": 12}, "ann")
        assert (found.capa, found.capa_open) == (12, is_open)


@pytest.mark.parametrize("lesson", list(Lesson))
def test_only_a_lesson_that_waits_is_kept_by_a_word(leave, lesson):
    found = folded(leave(lesson=lesson), "mission.lesson_kept", {}, "ann")
    proposed = lesson is Lesson.PROPOSED
    assert found.lesson is (Lesson.KEPT if proposed else lesson)
    assert found.lesson_by == ("ann" if proposed else None)


@pytest.mark.parametrize("lesson", list(Lesson))
def test_what_is_forgotten_is_offered_no_more_and_its_trials_stay(leave, lesson):
    before = leave(lesson=lesson)
    found = folded(before, "mission.forgotten", {"reason": "wrong"}, "ann")
    assert found.forgotten
    assert found.lesson is (Lesson.NONE if lesson is Lesson.NONE else Lesson.FORGOTTEN)
    assert found.tried == before.tried
    assert folded(found, "mission.lesson_kept", {}, "bob").lesson is found.lesson


def test_other_entries_change_nothing(leave):
    assert folded(leave(), "mission.merged", {}, "grace") == leave()
    assert "mission.merged" not in KINDS


def test_metrics_are_named_once(leave):
    symptom = leave().symptoms[0]
    assert leave(symptoms=(symptom, symptom)).metrics == ("mesh.latency_p95",)
    assert leave().log == "forge.test/7"
