"""One contract of asking memory, in SQLite and in PostgreSQL."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from grace.adapters.memory.postgres import PostgresMemory
from grace.adapters.memory.sqlite import SqliteMemory
from grace.adapters.sqlite.memory_rows import rebuild_memory
from grace.adapters.sqlite.schema import connect
from grace.domain.memory.question import Question
from grace.domain.memory.recall import recollect
from grace.domain.mission import MissionRef
from grace.ports.memory import MemoryUnavailable

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh", installation_id=3)


def about(head="Orders time out", **more):
    return Question(ref=REF, head=head, **more)


async def test_the_likest_mission_comes_first(memory, kept, names):
    kept.leave(1, "The page is blank")
    kept.leave(2, "Orders time out behind the payment gateway")
    kept.leave(3, "Orders time out")
    assert names(await memory.similar(about())) == ["003", "002"]
    assert names(await memory.similar(about(), limit=1)) == ["003"]


async def test_nothing_is_found_where_nothing_is_alike(memory, kept, names):
    assert names(await memory.similar(about())) == []
    kept.leave(1, "The page is blank")
    assert names(await memory.similar(about("zebra"))) == []
    assert names(await memory.similar(about(""))) == []
    assert names(await memory.similar(about("' OR 1=1 -- \" NEAR(a b) {x} : *"))) == []


async def test_a_name_is_found_by_its_parts_and_a_trace_by_its_frames(memory, kept, names):
    kept.leave(1, "getOrderTotal fails")
    kept.leave(2, "it breaks", trace=("shop.tax.find",))
    assert names(await memory.similar(about("order total"))) == ["001"]
    assert names(await memory.similar(about("", trace=("shop.tax.find",)))) == ["002"]


async def test_whoever_asks_is_not_told_of_itself(memory, kept, names):
    left = kept.leave(1, "Orders time out")
    assert names(await memory.similar(about(asker=left.mission))) == []


async def test_what_becomes_known_later_is_found_so(memory, kept):
    left = kept.leave(1, "Orders time out")
    [before] = (await memory.similar(about())).alike
    assert before.found.held
    assert before.found.patch == left.patch
    kept.say(left, "mission.ineffective", {"by": "mission_20261201_001"})
    [after] = (found := await memory.similar(about())).alike
    assert (after.found.effective, after.found.recurred) == (False, "mission_20261201_001")
    assert found.spoiled == {left.patch.digest}
    assert recollect(about(), found, NOW).reusable == ()


async def test_what_is_forgotten_is_not_found_and_still_counts(memory, kept, names):
    left = kept.leave(1, "Orders time out")
    kept.leave(2, "Orders time out too")
    await memory.similar(about())
    kept.say(left, "mission.forgotten", {"reason": "wrong"})
    found = await memory.similar(about())
    assert names(found) == ["002"]
    assert len(recollect(about(), found, NOW).records) == 2


@pytest.mark.parametrize(
    ("source", "privacy", "found"),
    [
        ({"repository_id": 8}, (False, False), True),
        ({"repository_id": 8}, (True, False), False),
        ({"repository_id": 8}, (None, False), False),
        ({"repository_id": 8}, (True, True), True),
        ({"repository_id": 8}, (None, True), True),
        ({"repository_id": 8}, (True, None), False),
        ({"repository_id": 8}, (False, None), True),
        ({"repository_id": 8, "installation_id": 4}, (False, True), False),
        ({"repository_id": 8, "installation_id": None}, (False, True), False),
        ({"repository_id": 8, "host": "other.test"}, (False, True), False),
        ({}, (True, False), True),
    ],
)
async def test_nothing_is_found_that_may_not_be_cited(memory, kept, source, privacy, found):
    private, own = privacy
    kept.leave(1, "Orders time out", **source)
    if own is not None:
        kept.see(7, private=own)
    if private is not None and source:
        kept.see(8, private=private)
    seen = await memory.similar(about())
    assert len(seen.alike) == int(found)
    assert len(seen.said) == int(found)


async def test_without_an_installation_only_the_own_repository_is_cited(memory, kept, names):
    alone = REF.model_copy(update={"installation_id": None})
    kept.leave(1, "Orders time out", installation_id=None)
    kept.leave(2, "Orders time out", installation_id=None, repository_id=8)
    kept.see(8, private=False)
    asked = about().model_copy(update={"ref": alone})
    assert names(await memory.similar(asked)) == ["001"]


async def test_a_repository_that_becomes_private_is_cited_no_more(memory, kept, names):
    kept.leave(1, "Orders time out", repository_id=8)
    kept.see(8, private=False, minutes=1)
    assert names(await memory.similar(about())) == ["001"]
    kept.see(8, private=True, minutes=2)
    assert names(await memory.similar(about())) == []
    kept.see(8, private=False, minutes=1)  # an old delivery that is sent again
    assert names(await memory.similar(about())) == []


async def test_a_rebuilt_memory_is_searched_as_it_is_then(memory, kept, names):
    kept.leave(1, "Orders time out")
    assert names(await memory.similar(about())) == ["001"]
    with closing(connect(kept.path)) as connection:
        rebuild_memory(connection)  # the ledger of this store holds nothing
    assert names(await memory.similar(about())) == []
    kept.leave(2, "Orders time out")
    assert names(await memory.similar(about())) == ["002"]


async def test_both_find_the_same_with_the_same_scores(kept, postgres):
    for number, words in enumerate(("orders", "orders time", "orders time out", "gateway"), 1):
        kept.leave(number, f"{words} in shop{number}", details=f"see Cart.add{number} and {words}")
    one = await SqliteMemory(kept.path).similar(about("orders time out in the shop"))
    other = await PostgresMemory(postgres, kept.path).similar(about("orders time out in the shop"))
    assert [(e.found, e.score, e.shared) for e in one.alike] == [
        (e.found, e.score, e.shared) for e in other.alike
    ]
    assert one.alike[0].found.mission.endswith("003")
    assert len(one.alike) == 4


async def test_two_stores_share_a_database_and_nothing_else(kept, postgres, names, tmp_path):
    other = type(kept)(tmp_path / "other.db")
    other.leave(9, "Orders time out")
    kept.leave(1, "Orders time out")
    assert names(await PostgresMemory(postgres, other.path).similar(about())) == ["009"]
    assert names(await PostgresMemory(postgres, kept.path).similar(about())) == ["001"]


async def test_a_store_that_cannot_be_read_is_said_so(tmp_path):
    with pytest.raises(MemoryUnavailable, match="name the file of an existing store"):
        await SqliteMemory(tmp_path / "none.db").similar(about())
    empty = tmp_path / "empty.db"
    with closing(sqlite3.connect(empty)) as connection:
        connection.execute("CREATE TABLE other (a)")
    with pytest.raises(MemoryUnavailable, match="no such table"):
        await SqliteMemory(empty).similar(about())


async def test_a_database_that_does_not_answer_is_said_so_without_its_address(kept):
    memory = PostgresMemory("postgresql://me:s3cret@127.0.0.1:9/x", kept.path)
    with pytest.raises(MemoryUnavailable) as caught:
        await memory.similar(about())
    assert caught.value.sentence.startswith("the database of memory_url does not answer: ")
    assert "s3cret" not in caught.value.sentence


async def test_a_search_cannot_write_the_store(kept):
    kept.leave(1, "Orders time out")
    before = kept.path.read_bytes()
    await SqliteMemory(kept.path).similar(about())
    assert kept.path.read_bytes() == before
