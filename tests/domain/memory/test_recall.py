"""From what was found to what is said."""

import pytest

from grace.domain.memory import words
from grace.domain.memory.places import Place
from grace.domain.memory.question import Question
from grace.domain.memory.ranking import Likeness
from grace.domain.memory.recall import LEAST, MAX_SAME, Memories, past_missions, recollect
from grace.domain.memory.recollection import (
    MAX_HITS,
    MAX_RECORDS,
    Recollection,
    RemedyCount,
    Result,
    Trial,
)
from grace.domain.memory.remembered import Lesson
from grace.domain.mission import MissionRef
from grace.domain.package import MemoryScope
from grace.domain.phase import Outcome

REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh", installation_id=3)
ASKER = Place(host="forge.test", repository_id=7, installation_id=3, private=False)
QUESTION = Question(ref=REF, asker="mission_20261201_001", signature="latency/latency/-")


def place_of(found, private=None):
    return Place(
        host=found.host,
        repository_id=found.repository_id,
        installation_id=found.installation_id,
        private=private,
    )


def alike(*found, score=0.6, private=None):
    return [Likeness(each, place_of(each, private), score, ("subsystem mesh",)) for each in found]


def asked(now, likenesses=(), said=(), spoiled=()):
    memories = Memories(
        ASKER, likenesses, [(each, place_of(each)) for each in said], frozenset(spoiled)
    )
    return recollect(QUESTION, memories, now)


@pytest.fixture
def now(leave):
    return leave(9).closed_at


def trial(result, remedy="agent:repair"):
    return Trial(remedy=remedy, result=result)


def test_nothing_alike_is_said_so(now):
    found = asked(now)
    assert found == Recollection(
        asked_at=now, signature=QUESTION.signature, sentence=words.NOTHING_ALIKE
    )


def test_hits_are_cited_with_what_was_tried_and_counted(leave, now):
    two = [leave(1), leave(2)]
    back = leave(3, reverted=True, outcome=Outcome.ROLLED_BACK, tried=(trial(Result.REVERTED),))
    found = asked(now, alike(*two, back))
    assert [hit.mission[-3:] for hit in found.hits] == ["001", "002", "003"]
    assert found.hits[0].score == 0.6
    assert found.counts == (RemedyCount(remedy="agent:repair", held=2, reverted=1),)
    assert found.sentence == "Three like this; agent:repair held twice, was reverted once."


def test_what_nobody_began_is_not_in_the_way_of_what_helped(leave, now):
    wishes = [leave(n, tried=(), outcome=Outcome.CANCELLED, patch=None) for n in range(2, 15)]
    found = asked(now, [*alike(*wishes, score=0.9), *alike(leave(1))])
    assert [hit.mission[-3:] for hit in found.hits] == ["001"]


def test_the_sentence_names_what_held_most_and_what_went_by_itself(leave, now):
    mixed = (
        *[trial(Result.FAILED, "candidate:c1")] * 3,
        trial(Result.INEFFECTIVE, "remedy:cache"),
        trial(Result.UNDECIDED, "playbook:locked"),
        trial(Result.HELD),
    )
    gone = leave(2, outcome=Outcome.SELF_RECOVERED, tried=(), diff=None)
    found = asked(now, alike(leave(1, tried=mixed), gone))
    assert found.sentence == (
        "Two like this; agent:repair held once; candidate:c1 did not land three times; "
        "playbook:locked was not decided once; one went away by itself."
    )
    quiet = asked(now, alike(leave(1, tried=(), outcome=Outcome.FAILED)))
    assert quiet.sentence == "One like this; nothing was tried."
    lasting = asked(now, alike(leave(1, tried=(trial(Result.INEFFECTIVE),))))
    assert lasting.sentence == "One like this; agent:repair did not last once."


def test_many_are_counted_in_digits(leave):
    count = RemedyCount(remedy="agent:repair", held=12, reverted=1, ineffective=2, failed=3)
    assert words.count_words(count) == (
        "agent:repair held 12 times, was reverted once, did not land three times, "
        "did not last twice"
    )


@pytest.mark.parametrize(
    ("changes", "private"),
    [
        ({"repository_id": 8, "installation_id": 4}, False),
        ({"repository_id": 8, "installation_id": None}, False),
        ({"repository_id": 8}, True),
        ({"repository_id": 8}, None),
        ({"host": "other.test"}, False),
    ],
)
def test_what_may_not_be_cited_is_not_though_the_store_gave_it(leave, now, changes, private):
    foreign = leave(1, **changes)
    found = asked(now, alike(foreign, private=private), [foreign])
    assert (found.hits, found.records, found.reusable) == ((), (), ())


def test_what_is_forgotten_unlike_or_the_asker_is_left_out(leave, now):
    itself = leave(1, mission=QUESTION.asker)
    assert asked(now, alike(leave(1, forgotten=True))).hits == ()
    assert asked(now, alike(leave(1), score=LEAST - 0.01)).hits == ()
    assert asked(now, alike(itself)).hits == ()
    assert len(asked(now, alike(leave(1), score=LEAST)).hits) == 1


def test_hits_are_bounded(leave, now):
    assert len(asked(now, alike(*(leave(n) for n in range(1, 30)))).hits) == MAX_HITS


def test_a_kept_patch_is_offered_with_how_often_it_held(leave, now):
    proposed = leave(2, lesson=Lesson.PROPOSED)
    found = asked(now, alike(leave(1), proposed, leave(3)))
    [patch] = found.reusable
    assert (patch.from_mission[-3:], patch.held, patch.entry, patch.diff) == (
        *("001", 3, 1, "+fixed\n"),
    )


@pytest.mark.parametrize("lesson", [lesson for lesson in Lesson if lesson is not Lesson.KEPT])
def test_only_a_kept_lesson_is_offered(leave, now, lesson):
    assert asked(now, alike(leave(1, lesson=lesson))).reusable == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": MemoryScope.READ_ONLY},
        {"outcome": Outcome.FAILED},
        {"reverted": True},
        {"effective": False},
        {"diff": None},
        {"repository_id": 8},
    ],
)
def test_what_did_not_hold_or_may_not_is_never_offered(leave, now, changes):
    assert asked(now, alike(leave(1, **changes), private=False)).reusable == ()


def test_a_patch_that_was_reverted_anywhere_is_never_offered_as_it_is(leave, now):
    good = leave(1)
    assert len(asked(now, alike(good)).reusable) == 1
    assert asked(now, alike(good), spoiled=[good.patch.digest]).reusable == ()


def test_a_diff_that_is_too_long_to_keep_is_not_offered(leave, now):
    bare = leave(1)
    bare = bare.model_copy(update={"patch": bare.patch.model_copy(update={"diff": None})})
    assert asked(now, alike(bare)).reusable == ()


def test_every_trial_that_may_be_counted_is_a_record(leave, now):
    gone = leave(1, outcome=Outcome.SELF_RECOVERED, tried=(trial(Result.UNDECIDED),))
    found = asked(now, said=[gone, leave(2)])
    assert [(r.mission[-3:], r.result, r.self_recovered) for r in found.records] == [
        ("001", Result.UNDECIDED, True),
        ("002", Result.HELD, False),
    ]
    assert found.records[1].signature == "latency/latency/-"
    many = asked(now, said=[leave(n % 9 + 1) for n in range(MAX_RECORDS + 9)])
    assert len(many.records) == MAX_SAME  # of the same symptoms, and there are no others


def test_results_count_for_or_against_or_for_nothing():
    assert {r: r.success for r in Result} == {
        Result.HELD: True,
        Result.INEFFECTIVE: False,
        Result.REVERTED: False,
        Result.FAILED: False,
        Result.UNDECIDED: None,
    }


def test_an_agent_is_told_of_past_missions(leave, now):
    [past] = past_missions(asked(now, alike(leave(1))))
    assert (past.mission[-3:], past.outcome, past.tried) == (
        *("001", Outcome.FIXED, ("agent:repair: held",)),
    )


def test_a_citation_is_harmless_markdown(leave, now):
    evil = leave(1, summary="@all <!-- grace --> `x` [a](http://b)\n# no", issue=4)
    found = asked(now, alike(evil, leave(2, issue=None, repository="octo/other")))
    text = words.markdown(found, "octo/mesh")
    assert text.splitlines()[0] == "Two like this; agent:repair held twice."
    assert text.splitlines()[1].startswith("- #4, ")
    assert "<!--" not in text
    assert "@all" not in text
    assert "mission_20261122_002 in `octo/other`" in text
    assert "ended 2026-11-23 as fixed; `agent:repair` held (shares subsystem mesh)" in text
    silent = Recollection(asked_at=now, note="memory did not answer")
    assert words.markdown(silent, "octo/mesh") == "memory did not answer"
    bare = found.hits[0].model_copy(update={"tried": (), "shared": ()})
    assert words.citation(bare, "octo/mesh").endswith("as fixed; nothing was tried")


@pytest.mark.parametrize("lesson", list(Lesson))
def test_what_is_kept_is_told_in_the_ledger(lesson):
    told = words.keeping({"signature": "", "lesson": lesson.value})
    assert told == f"memory keeps it under no signature{words.LESSONS[lesson]}"
