"""Strangers' words stay data, wherever they stand."""

import json
from base64 import urlsafe_b64encode

import pytest

from support.hub_world import HOSTILE, HubWorld, Served, file_issue

BASE = "/mission-control"


async def test_words_of_a_mission_come_back_as_they_were_written(
    hub: Served, world: HubWorld
) -> None:
    name = await file_issue(world, 66, HOSTILE)
    client = hub("viewer")
    for path in (f"missions/{name}", f"missions/{name}/verdict", f"missions/{name}/entries"):
        answer = await client.get(f"{BASE}/{path}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("application/json")
    assert (await client.get(f"{BASE}/missions/{name}")).json()["title"] == HOSTILE
    found = await client.get(f"{BASE}/capa/{world.missions['capa']}")
    assert found.json()["description"] == HOSTILE
    found = await client.get(f"{BASE}/missions", params={"text": HOSTILE[:100]})
    assert [row["mission_id"] for row in found.json()["missions"]] == [name]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("' OR 1=1 --", 200),
        ("%", 200),
        ("\\", 200),
        ("mission_2026%", 200),
        ("${jndi:ldap://x}", 200),
        ("a" * 200, 200),
        ("日本", 200),
        ("\x00", 422),
        ("a\nb", 422),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_search_takes_every_text_as_text(read_only: Served, words: str, status: int) -> None:
    found = await read_only("viewer").get(f"{BASE}/missions", params={"text": words})
    assert found.status_code == status, found.text
    assert found.json().get("missions", []) == []


def cursor(*values: object) -> str:
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize("path", ["missions", "queue", "capa"])
@pytest.mark.parametrize(
    "after",
    [
        "",
        "\x00",
        "' OR 1=1 --",
        cursor("newest", 10**30, "x"),
        cursor("newest", 1.5, "x"),
        cursor("newest", True, "x"),
        cursor("newest", 1, None),
        cursor("urgency", 1, 10**30, "x"),
        cursor("another order", 1, "x"),
        "capa_20261122_" + "9" * 400,
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_cursor_that_somebody_made_is_refused(
    read_only: Served, path: str, after: str
) -> None:
    answer = await read_only("viewer").get(f"{BASE}/{path}", params={"after": after})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "after"


@pytest.mark.parametrize(
    "path",
    [
        "missions/mission_20261122_001%00",
        "missions/..%2f..%2fetc%2fpasswd",
        "missions/mission_20261122_001'--",
        "missions/mission_20261122_001/entries%0d%0aX-Evil:%201",
        "capa/capa_20261122_001%20OR%201",
        "ledger/forge.test/1%27/entries",
        "ledger/..%2f/1/entries",
        "trust-scores/%7B%7B7*7%7D%7D",
        "capa/capa_20261122_" + "9" * 5000,
        "missions/mission_20261122_" + "9" * 5000,
        "missions/mission_20261122_%D9%A1%D9%A2%D9%A3",
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_path_that_names_nothing_is_a_problem_and_no_more(
    read_only: Served, path: str
) -> None:
    answer = await read_only("admin").get(f"{BASE}/{path}")
    assert answer.status_code == 404, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert "X-Evil" not in answer.headers
