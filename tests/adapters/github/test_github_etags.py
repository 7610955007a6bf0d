"""A read that did not change costs no request: its answer comes from memory, within bounds."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.github.etags import Memory
from grace.ports import ForgeUnavailable


async def test_unchanged_read_is_answered_from_memory_with_its_next_page(
    github: Any, payloads: Any
) -> None:
    marker = "<!-- x -->"
    link = '<https://github.test/api/v3/page2>; rel="next"'
    ours = payloads.comment(marker, id=2, user=payloads.bot())

    def first(request: httpx.Request) -> httpx.Response:
        if request.headers.get("if-none-match") == '"one"':
            return httpx.Response(304)
        return httpx.Response(200, json=[], headers={"etag": '"one"', "link": link})

    github.repo("GET", "/issues/3/comments").mock(side_effect=first)
    github.on("GET", "/page2").respond(json=[ours], headers={"etag": 'W/"two"'})
    for _ in range(2):
        assert await github.forge.find_comment(github.ref, 3, marker) == "2"
    assert [c.status for c in github.calls if c.purpose == "find comment"] == [200, 200, 304, 200]


async def test_changed_read_replaces_what_was_remembered(github: Any, payloads: Any) -> None:
    tags = iter(["a", "b", "b"])
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("if-none-match"))
        permission = "read" if len(seen) == 1 else "admin"
        return httpx.Response(200, json={"permission": permission}, headers={"etag": next(tags)})

    github.repo("GET", "/collaborators/ada/permission").mock(side_effect=answer)
    found = [await github.forge.permission(github.ref, "ada") for _ in range(3)]
    assert [str(p) for p in found] == ["read", "admin", "admin"]
    assert seen == [None, "a", "b"]


async def test_answer_that_was_cut_short_is_not_remembered(github: Any) -> None:
    """It came with the ETag of the whole one, so GitHub would say for ever that nothing changed."""
    bodies = iter([b'{"permission": "ad', b'{"permission": "admin"}'])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers.get("if-none-match") == "a":
            return httpx.Response(304)
        headers = {"etag": "a", "content-type": "application/json; charset=utf-8"}
        return httpx.Response(200, content=next(bodies), headers=headers)

    github.repo("GET", "/collaborators/ada/permission").mock(side_effect=answer)
    with pytest.raises(ForgeUnavailable, match="could not be read"):
        await github.forge.permission(github.ref, "ada")
    for _ in range(2):
        assert str(await github.forge.permission(github.ref, "ada")) == "admin"


async def test_other_installation_is_never_answered_from_memory(github: Any) -> None:
    route = github.repo("GET", "/collaborators/ada/permission")
    route.respond(json={"permission": "read"}, headers={"etag": "a"})
    github.on("POST", "/app/installations/6/access_tokens").respond(
        201, json={"token": "ghs_other", "expires_at": "2026-03-01T13:00:00Z"}
    )
    await github.forge.permission(github.ref, "ada")
    await github.forge.permission(github.ref.model_copy(update={"installation_id": 6}), "ada")
    assert "if-none-match" not in route.calls[1].request.headers


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60))))
def test_memory_stays_within_number_and_bytes(kept: list[tuple[int, int]]) -> None:
    memory = Memory(entries=4, size=100)
    for n, size in kept:
        memory.keep((5, str(n)), {"etag": "e"}, b"x" * size)
        held = [entry for n in range(10) if (entry := memory._kept.get((5, str(n))))]
        assert len(held) <= 4
        assert sum(len(entry.body) for entry in held) == memory._held <= 100


def test_memory_forgets_what_is_unused_longest_and_what_has_no_tag() -> None:
    memory = Memory(entries=2)
    for url in ("a", "b"):
        memory.keep((5, url), {"etag": url}, b"")
    assert memory.get((5, "a")) is not None
    memory.keep((5, "c"), {"etag": "c"}, b"")
    assert memory.get((5, "b")) is None
    memory.keep((5, "a"), {}, b"")
    assert memory.get((5, "a")) is None
