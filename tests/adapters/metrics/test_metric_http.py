import asyncio
import gzip
import json

import httpx
import pytest
from aiohttp import web

from grace.adapters.metrics import Limits, Sources
from grace.adapters.metrics.fetching import without_secrets
from grace.domain.catalog import MetricDefinition, PrometheusQuery, PrometheusText

PAGE = PrometheusText(url="http://127.0.0.1:9/metrics", series="up")


def page(server):
    return PrometheusText(url=f"{server.url}/metrics", series="up")


NOW = 1795348800  # the clock of these tests


def answer(result, kind="vector"):
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}})


async def test_a_source_that_is_down_is_a_sample_without_a_value(metrics, clock):
    seen = await metrics.sample("up", PAGE, "")
    assert (seen.value, seen.samples, seen.at) == (None, 0, clock.now())
    assert seen.note.startswith("not reachable: ConnectError")


@pytest.mark.parametrize(
    ("status", "headers", "note"),
    [
        (500, {"Content-Type": "text/plain"}, "answered HTTP 500"),
        (404, {"Content-Type": "text/plain"}, "answered HTTP 404"),
        (204, {}, "answered HTTP 204"),
        (302, {"Location": "/elsewhere"}, "answered a redirect (HTTP 302)"),
        (200, {"Content-Type": "text/html"}, "answered text/html, not a Prometheus page"),
    ],
)
async def test_another_answer_than_a_page_is_no_value(metrics, server, status, headers, note):
    server.text, server.status, server.headers = "up 1\n", status, headers
    seen = await metrics.sample("up", page(server), "")
    assert (seen.value, seen.note) == (None, note)
    assert server.requests == ["/metrics"]


async def test_a_body_over_the_limit_is_no_value(metrics, server):
    server.text = "up 1\n" + "# filler\n" * 20_000
    seen = await metrics.sample("up", page(server), "")
    assert (seen.value, seen.note) == (None, "answered more than 100000 bytes")


async def test_a_body_that_never_ends_is_no_value(metrics, server):
    async def drip(request):
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        while True:
            await response.write(b"# more\n")
            await asyncio.sleep(0.05)

    server.reply = drip
    seen = await metrics.sample("up", page(server), "")
    assert (seen.value, seen.note) == (None, "no answer within 0.4 s")


async def test_a_compressed_body_is_no_value(metrics, server):
    async def compressed(_request):
        headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
        return web.Response(body=gzip.compress(b"up 1\n"), headers=headers)

    server.reply = compressed
    seen = await metrics.sample("up", page(server), "")
    assert seen.note == "answered a compressed body, which was not asked for"


async def test_bytes_that_are_no_text_are_no_value(metrics, server):
    async def binary(_request):
        return web.Response(body=b"up \xff\xfe\n", headers={"Content-Type": "text/plain"})

    server.reply = binary
    seen = await metrics.sample("up", page(server), "")
    assert seen.note == "answered bytes that are not UTF-8 text"


async def test_a_broken_page_quotes_only_one_short_line(metrics, server):
    server.text = "up " + "\x1b[31m" * 500 + "\n"
    seen = await metrics.sample("up", page(server), "")
    assert seen.value is None
    assert seen.note.isprintable()
    assert len(seen.note) <= 300


async def test_a_url_shows_no_password(metrics):
    source = PrometheusText(url="http://me:secret@127.0.0.1:9/m?token=t", series="up")
    seen = await metrics.sample("up", source, "")
    assert seen.source == "http://127.0.0.1:9/m"
    assert "secret" not in seen.model_dump_json()


async def test_a_url_that_is_none_is_no_value(metrics):
    seen = await metrics.sample("up", PrometheusText(url="http://[::x/", series="up"), "")
    assert seen.value is None
    assert seen.note.startswith("not reachable")


async def test_a_failure_names_no_host(clock):
    def refuse(request):
        words = f"certificate is not valid for {request.url.host}"
        raise httpx.ConnectError(words, request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as client:
        source = PrometheusText(url="https://hidden.internal/m", series="up")
        seen = await Sources(client, clock, {}).sample("up", source, "")
    assert seen.note == "not reachable: ConnectError"


async def test_so_many_requests_are_under_way_and_the_others_wait(server, clock):
    most = [0, 0]

    async def slow(_request):
        most[0] += 1
        most[1] = max(most)
        await asyncio.sleep(0.02)
        most[0] -= 1
        return web.Response(text=answer([NOW, "1"], "scalar"))

    server.reply = slow
    wanted = {
        f"m{n}": MetricDefinition(
            target=1,
            comparator="<",
            unit="",
            source=PrometheusQuery(url=server.url, query=f"up{{n={n}}}"),
        )
        for n in range(12)
    }
    async with httpx.AsyncClient(trust_env=False) as client:
        sources = Sources(client, clock, {}, limits=Limits(at_once=3, timeout_s=0.5))
        seen = await sources.sample_all(wanted)
    assert [each.value for each in seen] == [1] * 12
    assert most[1] == 3


async def test_query_that_answers_nan_had_nothing_to_measure(metrics, server):
    source = PrometheusQuery(url=server.url, query="a / b")
    server.text = answer([{"value": [NOW, "NaN"]}])
    assert (await metrics.sample("share", source, "%")).idle
    server.text = answer([])
    assert not (await metrics.sample("share", source, "%")).idle


async def test_one_source_down_leaves_the_others_alone(metrics, server):
    server.text = "up 1\n"
    wanted = {
        "down": MetricDefinition(target=1, comparator=">=", unit="", source=PAGE),
        "up": MetricDefinition(target=1, comparator=">=", unit="", source=page(server)),
    }
    down, up = await metrics.sample_all(wanted)
    assert (down.value, up.value) == (None, 1)


async def test_looks_are_forgotten_past_the_bound(server, clock):
    async with httpx.AsyncClient(trust_env=False) as client:
        metrics = Sources(client, clock, {}, limits=Limits(looks=1))
        server.text = "a_total 1\nb_total 1\n"
        source = PrometheusText(url=server.url, series="a_total", per="b_total")
        for metric_id in ("one", "two", "one"):
            seen = await metrics.sample(metric_id, source, "")
            clock.pass_(5)
        assert seen.note == "first look: nothing to compare with"


@pytest.mark.parametrize(
    ("body", "value", "note"),
    [
        (answer([NOW, "2.5"], "scalar"), 2500, ""),
        (answer([{"metric": {"a": "b"}, "value": [NOW - 299, "0.25"]}]), 250, ""),
        (answer([NOW - 301, "1"], "scalar"), None, "stale: the source's newest value is 301 s old"),
        (answer([NOW + 60, "1"], "scalar"), 1000, "the source's clock is 60 s ahead of ours"),
        (answer([]), None, "the query matched no series"),
        (answer([{"value": [1, "1"]}] * 3), None, "the query answered 3 series; aggregate them"),
        (answer([{"value": [NOW, "NaN"]}]), None, "the query answered NaN, which is no number"),
        (answer([1, "+Inf"], "scalar"), None, "the query answered +Inf"),
        (answer([{"value": [1, "x"]}]), None, "the query answered 'x', which is no number"),
        (answer([{"histogram": [1, {}]}]), None, "the query answered a native histogram"),
        (answer([1, "text"], "string"), None, "the query answered a string"),
        (answer([], "matrix"), None, "the query answered a matrix"),
        ('{"status":"error","errorType":"bad_data","error":"x\\ny"}', None, "the query failed"),
        ("<html>", None, "answered HTTP 200 with something that is not the Prometheus API"),
        ("[]", None, "answered HTTP 200 with something that is not the Prometheus API"),
    ],
)
async def test_a_query_answers_one_number_or_why_not(metrics, server, body, value, note):
    server.text, server.headers = body, {"Content-Type": "application/json"}
    source = PrometheusQuery(url=f"{server.url}/", query='up{a="b"}', scale=1000)
    seen = await metrics.sample("up", source, "ms")
    assert seen.value == value
    assert seen.note.startswith(note)
    assert seen.note.isprintable() or not seen.note
    assert httpx.URL(server.requests[0]).path == "/api/v1/query"
    assert httpx.URL(server.requests[0]).params["query"] == 'up{a="b"}'


async def test_a_server_that_fails_a_query_is_no_value(metrics, server):
    server.text, server.status = "no", 503
    seen = await metrics.sample("up", PrometheusQuery(url=server.url, query="up"), "")
    assert seen.note.startswith("answered HTTP 503")


@pytest.mark.parametrize(
    "url",
    [
        "https://mesh.test?token=secret",
        "https://mesh.test?token=a/secret",
        "https://user:secret@mesh.test#secret",
        "https://mesh.test/page?token=a@secret",
    ],
)
def test_a_source_is_named_without_what_its_address_hides(url):
    named = without_secrets(url)
    assert named.startswith("https://mesh.test")
    assert "secret" not in named
