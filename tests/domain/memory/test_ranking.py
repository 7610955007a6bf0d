"""Which memories are most like a question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.memory.places import Place
from grace.domain.memory.question import (
    Question,
    fields_of,
    indexed,
    of_index,
    question_about,
    question_of,
)
from grace.domain.memory.ranking import ASKED, Corpus, fused, likest, scores, shared, weighed
from grace.domain.mission import MissionRef
from grace.domain.phase import Phase
from support.phases import world_in

REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh", installation_id=3)
HERE = Place(host="forge.test", repository_id=7, installation_id=3)
TEXTS = ("orders time out", "payment gateway refuses cards", "the page is blank")


def corpus(*texts):
    found = [set(fields_of(text, "", ()).distinct()) for text in texts]
    every = {term for terms in found for term in terms}
    return Corpus(len(texts), {t: sum(t in terms for terms in found) for t in every})


def rank(head, *texts, details="", trace=()):
    asked = weighed(fields_of(head, details, trace), corpus(*texts))
    return scores(asked, [fields_of(text, "", ()) for text in texts])


def test_what_is_said_in_the_same_words_is_most_alike():
    found = rank("orders time out", *TEXTS)
    assert found[0] == pytest.approx(1)
    assert found[1:] == (0, 0)


def test_a_seldom_word_weighs_more_than_one_that_everybody_says():
    texts = ("error in gateway", "error in page", "error in orders", "error of clock")
    found = rank("gateway error", *texts)
    assert max(found) == found[0]
    assert found[0] > 2 * found[1]


def test_words_that_memory_never_heard_lower_the_score():
    known = rank("orders time out", *TEXTS)[0]
    mixed = rank("orders time out behind teapot zebra lagoon", *TEXTS)[0]
    assert 0 < mixed < known


def test_a_question_of_strange_words_alone_is_like_nothing():
    asked = weighed(fields_of("teapot", "", ()), corpus(*TEXTS))
    assert (asked.weights, asked.known) == ({}, 0)
    assert rank("teapot", *TEXTS) == (0, 0, 0)
    assert weighed(fields_of("", "", ()), Corpus(0, {})).known == 0


def test_only_the_heaviest_terms_are_asked_about():
    words = " ".join(f"word{chr(97 + n)}{chr(97 + m)}" for n in range(10) for m in range(10))
    asked = weighed(fields_of("orders", words, ()), corpus("orders", words))
    assert len(asked.weights) == ASKED
    assert "orders" in asked.weights


@given(st.lists(st.sampled_from(["orders", "time", "page", "blank", "zebra"]), max_size=12))
def test_a_score_is_a_share(words):
    found = rank(" ".join(words), *TEXTS, details=" ".join(reversed(words)))
    assert all(0 <= score <= 1 for score in found)


def test_what_both_share_besides_words_raises_the_score_and_is_said(leave):
    bare = Question(ref=REF, head="orders time out")
    assert shared(bare, leave()) == (1.0, ())
    whole = bare.model_copy(
        update={
            "signature": "latency/latency/-",
            "subsystem": "mesh",
            "metrics": ("mesh.latency_p95",),
            "trace": ("tax.find", "orders.total"),
        }
    )
    factor, words = shared(whole, leave(trace=("tax.find",)))
    assert factor == pytest.approx(1.25 * 1.2 * 1.15 * 1.15)
    assert words == (
        *("signature latency/latency/-", "metric mesh.latency_p95"),
        *("1 frames of the stack trace", "subsystem mesh"),
    )


def test_a_kind_alone_raises_nothing(leave):
    asked = Question(ref=REF, signature="test/-/-")
    assert shared(asked, leave(signature="test/-/-")) == (1.0, ())


def test_the_likest_come_first_and_equal_ones_by_name(leave):
    left = [leave(n, summary=TEXTS[0] if n < 3 else TEXTS[1], symptoms=()) for n in (2, 1, 3)]
    known = [(each, HERE, of_index(*indexed(each))) for each in left]
    question = Question(ref=REF, head="orders time out", metrics=("none.such",))
    frequency = dict.fromkeys(question.fields().distinct(), 2)
    found = likest(question, weighed(question.fields(), Corpus(3, frequency)), known, 2)
    assert [each.found.mission[-3:] for each in found] == ["001", "002"]


def test_rankings_are_fused_by_their_places():
    assert fused([1, 2, 3], [2, 3, 4])[:2] == [2, 3]
    assert fused([1], [2]) == [1, 2]
    assert fused() == []


def test_a_mission_asks_with_what_its_contract_says():
    mission = world_in(Phase.TESTING).mission
    asked = question_of(mission, ['TypeError: no\n  File "/a/b/tax.py", line 3, in find'], ["t1"])
    assert asked.asker == mission.name
    assert asked.subsystem == "trigger_mesh"
    assert asked.signature == "latency/latency/-"
    assert "slow" in asked.head
    assert "t1" in asked.head
    assert asked.trace == ("tax.find",)
    assert asked.fields().trace == {"_tax_find": 1}
    assert asked.metrics == ("trigger_mesh.latency_p95",)
    bare = question_of(mission.with_(request=None, title="broken"))
    assert (bare.head, bare.subsystem) == ("broken", "")


def test_a_person_asks_with_any_text():
    asked = question_about("orders are slow\nat Cart.add (cart.js:1)", REF)
    assert (asked.head, asked.trace) == ("orders are slow", ("Cart.add",))
    assert question_about("", REF).fields().distinct() == ()
