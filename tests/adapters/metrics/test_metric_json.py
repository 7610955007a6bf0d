import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.metrics.json_path import BadPath, read_json, steps_of
from grace.domain.catalog import JsonPage, MetricDefinition

DOCUMENT = """{
  "queue": {"depth": 42, "rows": [{"n": 1}, {"n": 2.5}]},
  "a.b": {"c d": 7}, "text": "12", "yes": true, "none": null, "list": [1], "odd": NaN, "huge": 1e999
}"""


@pytest.fixture
def environment():
    return {"DEPTH_TOKEN": " Bearer s3cret ", "BROKEN_TOKEN": "two\nlines s3cret", "EMPTY": " "}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("queue.depth", 42),
        ("queue.rows[1].n", 2.5),
        ('["a.b"]["c d"]', 7),
        ('queue["depth"]', 42),
        ("list[0]", 1),
    ],
)
def test_a_path_leads_to_a_number(path, value):
    assert read_json(DOCUMENT.encode(), path).value == value


@pytest.mark.parametrize(
    ("path", "note"),
    [
        ("queue.length", "the document has nothing at queue.length"),
        ("queue.rows[2].n", "the document has nothing at queue.rows[2].n"),
        ("queue[0]", "the document has nothing at queue[0]"),
        ("list.first", "the document has nothing at list.first"),
        ("none", "the document has nothing at none"),
        ("none.x", "the document has nothing at none.x"),
        ("text", "the document has a text at text, which is no number"),
        ("yes", "the document has a boolean at yes, which is no number"),
        ("queue.rows", "the document has a list at queue.rows, which is no number"),
        ("queue..depth", "the path 'queue..depth' cannot be read at '..depth'"),
        (".queue", "the path '.queue' cannot be read at '.queue'"),
        ("queue[-1]", "the path 'queue[-1]' cannot be read at '[-1]'"),
        ("queue[x", "the path 'queue[x' cannot be read at '[x'"),
    ],
)
def test_a_path_that_leads_to_none_is_named(path, note):
    reading = read_json(DOCUMENT.encode(), path)
    assert reading.value is None
    assert reading.note.startswith(note)


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff\xfe{", b"[" * 100_000])
def test_what_is_no_json_is_told(body):
    assert read_json(body, "a").note == "answered something that is not JSON"


@given(st.text(st.sampled_from('ab.[]"01 '), max_size=20))
def test_whatever_a_path_is_it_is_read_or_refused(path):
    try:
        steps = steps_of(path)
    except BadPath:
        return
    assert all(isinstance(step, str | int) for step in steps)


def source(server, path, **more):
    return JsonPage(url=f"{server.url}/stats?key=s3cret", path=path, **more)


async def test_a_document_is_read_once_for_all_metrics_that_want_it(metrics, server, clock):
    server.text, server.headers = DOCUMENT, {"Content-Type": "application/json"}
    wanted = {
        name: MetricDefinition(target=1, comparator="<", unit="jobs", source=each)
        for name, each in {
            "depth": source(server, "queue.depth", scale=0.5),
            "missing": source(server, "gone"),
            "odd": source(server, "odd"),
            "huge": source(server, "huge"),
        }.items()
    }
    depth, missing, odd, huge = await metrics.sample_all(wanted)
    assert len(server.requests) == 1
    assert (depth.value, depth.unit, depth.at) == (21, "jobs", clock.now())
    assert depth.source == f"{server.url}/stats"
    assert (missing.value, missing.note) == (None, "the document has nothing at gone")
    for each in (odd, huge):
        assert each.value is None
        assert "no number to judge by" in each.note


async def test_headers_come_from_the_environment(metrics, server):
    seen = []

    async def remember(request):
        seen.append(request.headers.get("Authorization"))
        return web.Response(text='{"n": 3}')

    server.reply = remember
    wanted = source(server, "n", headers_env={"Authorization": "DEPTH_TOKEN"})
    sample = await metrics.sample("m", wanted, "")
    assert (sample.value, seen) == (3, ["Bearer s3cret"])
    assert "s3cret" not in sample.model_dump_json()


@pytest.mark.parametrize(
    ("variable", "note"),
    [
        ("NOT_THERE", "the environment variable of the header Authorization is not set"),
        ("EMPTY", "the environment variable of the header Authorization is not set"),
        ("BROKEN_TOKEN", "the environment variable of the header Authorization cannot be sent"),
    ],
)
async def test_a_header_that_cannot_be_sent_is_told_without_its_value(
    metrics, server, variable, note
):
    wanted = source(server, "n", headers_env={"Authorization": variable})
    sample = await metrics.sample("m", wanted, "")
    assert (sample.value, sample.note) == (None, note)
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "note"), [(500, "answered HTTP 500"), (302, "answered a redirect (HTTP 302)")]
)
async def test_another_answer_than_a_document_is_no_value(metrics, server, status, note):
    server.text, server.status, server.headers = '{"n": 1}', status, {"Location": "/else"}
    sample = await metrics.sample("m", source(server, "n"), "")
    assert (sample.value, sample.note) == (None, note)
