"""The document and its page describe exactly what is served."""

import re
from html import unescape
from typing import Any

import pytest
from aiohttp import web

from grace.web.api.openapi import document
from grace.web.api.operation import ANYBODY
from grace.web.api.readable import kind, page
from grace.web.api.table import TABLE
from support.hub_world import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")
CONTRACT = """
GET  /mission-control/status                         POST /mission-control/capa
POST /mission-control/missions                       GET  /mission-control/capa
GET  /mission-control/missions                       GET  /mission-control/subsystems
GET  /mission-control/missions/{mission_id}          GET  /mission-control/metrics
POST /mission-control/missions/{mission_id}/execute  GET  /mission-control/trust-scores
GET  /mission-control/queue/next                     GET  /mission-control/trust-scores/{agent_id}
POST /mission-control/missions/{mission_id}/claim
"""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(TABLE, "1.2.3")


def rows(described: dict[str, Any]) -> set[tuple[str, str]]:
    return {(m.upper(), path) for path, found in described["paths"].items() for m in found}


async def test_endpoints_of_the_contract_are_there(described: dict[str, Any]) -> None:
    wanted = set(re.findall(r"(GET|POST) +(/\S+)", CONTRACT))
    assert len(wanted) == 13
    assert wanted <= rows(described)


async def test_what_is_served_is_what_is_described(
    read_only: Served, described: dict[str, Any]
) -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in read_only.world.app().router.routes()
        if isinstance(route.resource, web.Resource) and route.method != "HEAD"
    }
    pages = {("GET", "/openapi.json"), ("GET", "/api")}
    assert served - pages == rows(described)
    assert len({operation.name for operation in TABLE}) == len(TABLE)
    answer = await read_only(None).get("/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert rows(answer.json()) == rows(described)
    etag = {"If-None-Match": answer.headers["ETag"]}
    assert (await read_only(None).get("/openapi.json", headers=etag)).status_code == 304


async def test_every_operation_says_who_may_and_what_is_answered(
    described: dict[str, Any],
) -> None:
    for operation in TABLE:
        found = described["paths"][operation.path][operation.method.lower()]
        assert bool(found["security"]) is (operation.need != ANYBODY)
        assert found["description"].rstrip().endswith(".")
        assert {"422", "429"} <= found["responses"].keys()
        assert ("401" in found["responses"]) is (operation.need != ANYBODY)
        if operation.body is not None:
            assert found["requestBody"]["content"]["application/json"]["example"]


async def test_every_body_example_fits_its_model() -> None:
    for operation in TABLE:
        if operation.body is not None:
            operation.body.model_validate(operation.examples["body"])


async def test_page_tells_every_operation_and_schema_without_a_script(
    read_only: Served, described: dict[str, Any]
) -> None:
    answer = await read_only(None).get("/api")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    text = unescape(answer.text)
    for method, path in rows(described):
        assert f"<code>{method} {path}</code>" in text
    names = set(re.findall(r'href="#([^"]+)"', answer.text))
    assert names <= set(re.findall(r'id="([^"]+)"', answer.text))
    assert {f"schema-{name}" for name in described["components"]["schemas"]} <= set(
        re.findall(r'id="([^"]+)"', answer.text)
    )
    for banned in ("<script", " style=", "<style", "onclick"):
        assert banned not in answer.text
    ids = re.findall(r'id="([^"]+)"', answer.text)
    assert len(ids) == len(set(ids))


async def test_page_takes_words_as_words(described: dict[str, Any]) -> None:
    info = {**described["info"], "description": "<b>`<i>`</b>"}
    text = page({**described, "info": info})
    assert "&lt;b&gt;<code>&lt;i&gt;</code>&lt;/b&gt;" in text


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 200}, "integer (at least 1; at most 200)"),
        ({"enum": ["a", "b"]}, "a, b"),
        ({"const": "x"}, "x"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"additionalProperties": {"type": "number"}}, "object of number"),
        (
            {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            "date-time or null",
        ),
        (
            {"$ref": "#/components/schemas/A<b"},
            '<a href="#schema-A&lt;b">A&lt;b</a>',
        ),
        ({}, "any value"),
    ],
)
async def test_schema_is_told_in_a_few_words(schema: dict[str, Any], words: str) -> None:
    assert str(kind(schema)) == words
