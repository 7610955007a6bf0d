"""The service over real HTTP, on a port of its own."""

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from trigger_mesh.events import MAX_BODY
from trigger_mesh.server import Server, build


@pytest.fixture
def server() -> Iterator[Server]:
    with build("127.0.0.1", 0, version="abc123") as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    yield connection
    connection.close()


def call(
    client: http.client.HTTPConnection, method: str, path: str, body: str | None = None
) -> tuple[int, Any]:
    client.request(method, path, body)
    answer = client.getresponse()
    text = answer.read().decode()
    is_json = answer.headers["Content-Type"] == "application/json"
    return answer.status, json.loads(text) if is_json else text


def event(event_id: str, topic: str, payload: Any = None) -> str:
    return json.dumps({"id": event_id, "topic": topic, "payload": payload})


def test_health_tells_the_version(client: http.client.HTTPConnection) -> None:
    assert call(client, "GET", "/healthz") == (200, {"status": "ok", "version": "abc123"})


def test_event_is_delivered_once_over_one_connection(client: http.client.HTTPConnection) -> None:
    body = event("e-1", "billing.due", {"total": 3})
    assert call(client, "POST", "/events", body) == (202, {"delivered": 3, "duplicates": 0})
    assert call(client, "POST", "/events", body) == (202, {"delivered": 0, "duplicates": 3})
    status, box = call(client, "GET", "/subscribers/ledger/events")
    assert status == 200
    assert box == {"events": [json.loads(body)]}


def test_burst_of_events_arrives_complete_and_in_order(client: http.client.HTTPConnection) -> None:
    for i in range(40):
        status, _ = call(client, "POST", "/events", event(f"e-{i}", "orders.created"))
        assert status == 202
    _, box = call(client, "GET", "/subscribers/warehouse-060/events")
    assert [each["id"] for each in box["events"]] == [f"e-{i}" for i in range(40)]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/events", "no json", 400),
        ("POST", "/events", event("e", "Not A Topic"), 400),
        ("POST", "/events", "x" * (MAX_BODY + 1), 413),
        ("POST", "/elsewhere", "{}", 404),
        ("GET", "/elsewhere", None, 404),
        ("GET", "/subscribers/nobody/events", None, 404),
    ],
)
def test_bad_requests_get_a_clear_answer(
    client: http.client.HTTPConnection, method: str, path: str, body: str | None, expected: int
) -> None:
    status, answer = call(client, method, path, body)
    assert status == expected
    assert answer["error"]


def test_metrics_count_what_happened(client: http.client.HTTPConnection) -> None:
    call(client, "POST", "/events", event("e-1", "orders.created"))
    status, page = call(client, "GET", "/metrics")
    assert status == 200
    assert 'trigger_mesh_requests_total{route="events"} 1\n' in page
    assert 'trigger_mesh_errors_total{route="events"} 0\n' in page
    assert "\ntrigger_mesh_latency_p95_ms " in page
