"""Vectors beside words."""

import sys

import pytest

from grace.adapters.memory.sentences import SentenceEmbedder
from grace.adapters.memory.sqlite import SqliteMemory
from grace.adapters.memory.vectors import AT_ONCE, VectorMemory
from grace.domain.memory.question import Question
from grace.domain.mission import MissionRef
from grace.ports.memory import MemoryUnavailable

REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh", installation_id=3)
MEANINGS = ({"slow", "sluggish", "late"}, {"page", "screen"}, {"blank", "empty"})


class Meanings:
    """A model that knows some words that mean the same; it counts what it is asked."""

    model = "meanings-1"

    def __init__(self):
        self.asked = []

    async def embed(self, texts):
        self.asked.append(len(texts))
        words = [set(text.lower().split()) for text in texts]
        return [[float(len(known & each)) for known in MEANINGS] + [0.1] for each in words]


@pytest.fixture
def model():
    return Meanings()


@pytest.fixture
def by_vectors(kept, model, tmp_path):
    words = SqliteMemory(kept.path)
    return VectorMemory(words, model, kept.path, tmp_path / "vectors.db")


def about(head, **more):
    return Question(ref=REF, head=head, **more)


async def test_what_is_said_in_other_words_is_found_too(by_vectors, kept, names):
    kept.leave(1, "orders are slow")
    kept.leave(2, "the screen stays empty")
    found = await by_vectors.similar(about("a sluggish checkout"))
    assert names(found)[0] == "001"
    assert found.alike[0].score > 0.9
    assert found.alike[0].found.patch.diff == "+fix 1\n"
    assert found.alike[1].score == 0
    await by_vectors.close()


async def test_what_both_find_comes_before_what_one_finds(by_vectors, kept, names):
    kept.leave(1, "the gateway is slow")
    kept.leave(2, "the gateway refuses cards")
    kept.leave(3, "orders are late")
    assert names(await by_vectors.similar(about("sluggish gateway"), limit=2))[0] == "001"


async def test_a_vector_is_made_once_and_again_when_what_it_is_of_changed(by_vectors, kept, model):
    left = kept.leave(1, "orders are slow")
    await by_vectors.similar(about("late"))
    await by_vectors.similar(about("late"))
    kept.say(left, "mission.lesson_kept", {})
    await by_vectors.similar(about("late"))
    assert model.asked == [2, 1, 2]


async def test_many_vectors_are_made_some_at_a_time(by_vectors, kept, model):
    for number in range(1, AT_ONCE + 4):
        kept.leave(number, "orders are slow")
    await by_vectors.similar(about("late"))
    await by_vectors.similar(about("late"))
    assert model.asked == [AT_ONCE + 1, 4]


async def test_nothing_is_found_by_vectors_that_may_not_be_cited(by_vectors, kept, names):
    kept.leave(1, "orders are slow", repository_id=8)
    kept.leave(2, "orders are slow", installation_id=4, repository_id=9)
    gone = kept.leave(3, "orders are slow")
    kept.say(gone, "mission.forgotten", {"reason": "wrong"})
    own = kept.leave(4, "orders are slow")
    assert names(await by_vectors.similar(about("sluggish", asker=own.mission))) == []
    kept.see(8, private=False)
    assert names(await by_vectors.similar(about("sluggish", asker=own.mission))) == ["001"]


async def test_an_empty_question_asks_no_model(by_vectors, kept, model, names):
    kept.leave(1, "orders are slow")
    assert names(await by_vectors.similar(about(""))) == []
    assert model.asked == []


async def test_without_the_package_memory_says_what_to_install():
    if "sentence_transformers" in sys.modules:
        pytest.skip("it is installed here")
    embedder = SentenceEmbedder("any")
    assert embedder.model == "any"
    with pytest.raises(MemoryUnavailable, match="extra `embeddings`"):
        await embedder.embed(["a"])
