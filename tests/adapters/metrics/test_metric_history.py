import json

import httpx
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from grace.adapters.metrics.queries import spans
from grace.domain.catalog import HostFigure, MetricDefinition, PrometheusQuery


def definition(source):
    return MetricDefinition(target=1, comparator="<", unit="", source=source)


@pytest.mark.parametrize(
    ("start", "end", "step", "pieces"),
    [
        (0, 45, 15, [(0, 30)]),
        (0, 50, 15, [(5, 35)]),
        (0, 0, 15, []),
        (0, 10, 15, []),
        (100, 0, 15, []),
        (0, 10_000, 1, [(0, 9999)]),
        (0, 10_001, 1, [(0, 9999), (10_000, 10_000)]),
        (0, 1_000_000, 1, [(900_000 + n, 909_999 + n) for n in range(0, 100_000, 10_000)]),
    ],
)
def test_a_past_is_cut_into_pieces_of_ten_thousand_points(start, end, step, pieces):
    assert list(spans(start, end, step)) == pieces


async def test_a_server_that_stops_answering_has_told_what_it_told(metrics, server):
    async def once(request):
        if len(server.requests) > 1:
            return web.Response(status=503, text="busy")
        asked = request.query
        values = [[float(asked["start"]), "1"], [float(asked["end"]), "NaN"]]
        result = {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}
        return web.Response(text=json.dumps({"status": "success", "data": result}))

    server.reply = once
    wanted = definition(PrometheusQuery(url=f"{server.url}/api/v1/query", query="up"))
    with capture_logs() as logs:
        found = await metrics.history("m", wanted, 0, 20_000, 1)
    assert found == [(0, 1), (9999, None)]
    assert httpx.URL(server.requests[0]).path == "/api/v1/query_range"
    assert httpx.URL(server.requests[0]).params["step"] == "1"
    (line,) = logs
    assert line["reason"] == "answered HTTP 503 with something that is not the Prometheus API"


async def test_an_answer_of_another_kind_is_no_history(metrics, server):
    server.text = '{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}'
    with capture_logs() as logs:
        wanted = definition(PrometheusQuery(url=server.url, query="up"))
        assert await metrics.history("m", wanted, 0, 60, 15) == []
    assert logs[0]["reason"] == "the query answered a scalar, not a range"


async def test_what_remembers_nothing_has_no_history(metrics):
    for source in (None, HostFigure(figure="load_1m")):
        assert await metrics.history("m", definition(source), 0, 60, 15) == ()
