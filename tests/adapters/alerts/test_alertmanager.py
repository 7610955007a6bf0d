import asyncio
import json
import shutil
import socket
from datetime import UTC, datetime

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.alerts import AlertError, Call, Intake, read_alertmanager
from grace.adapters.alerts.words import plain
from grace.domain.alerting.sources import Labelled
from grace.domain.package import MetricTarget
from grace.domain.phase import Severity
from support.alert_calls import NOW, POLICY

ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


def alert(labels=None, annotations=None, **more):
    return {
        "status": "firing",
        "labels": {"alertname": "Slow", "subsystem": "mesh", "metric_id": "mesh.latency"}
        | (labels or {}),
        "annotations": {"summary": "delivery is slow"} if annotations is None else annotations,
        "startsAt": "2026-11-22T12:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=x",
        "fingerprint": "c0ffee0123456789",
    } | more


def body(*alerts, **more):
    whole = {
        "version": "4",
        "groupKey": '{}:{alertname="Slow"}',
        "status": "firing",
        "receiver": "grace",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
    }
    return json.dumps(whole | more).encode()


def read(*alerts, **more) -> Intake:
    return read_alerts(body(*alerts, **more))


def read_alerts(raw: bytes) -> Intake:
    return read_alertmanager(Call({}, raw, NOW), Labelled(), POLICY)


def test_a_firing_alert_asks_for_a_mission():
    intake = read(alert({"severity": "critical"}, {"summary": "slow", "value": "412.5"}))
    assert intake.errors == ()
    (seen,) = intake.seen
    assert (seen.source, seen.status) == ("alertmanager", "firing")
    assert seen.fingerprint == "c0ffee0123456789"
    assert seen.title == "slow"
    assert seen.at == datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
    request = seen.request
    assert (request.subsystem_id, request.severity) == ("mesh", Severity.CRITICAL)
    assert request.detected_by == "alertmanager"
    (symptom,) = request.symptoms
    assert (symptom.description, symptom.metric_id) == ("slow", "mesh.latency")
    assert (symptom.observed_value, symptom.threshold) == (412.5, 100)
    criteria = request.acceptance_criteria
    assert criteria.metric_targets == (
        MetricTarget(metric_id="mesh.latency", comparator="<", target=100),
    )
    assert criteria.observation_window_minutes == 30
    (evidence,) = request.evidence
    assert evidence.excerpt is not None
    assert "alertname: Slow\nmetric_id: mesh.latency" in evidence.excerpt


def test_a_resolved_alert_is_seen_when_it_ended():
    (seen,) = read(alert(status="resolved", endsAt="2026-11-22T13:00:00+01:00")).seen
    assert seen.status == "resolved"
    assert seen.at == datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("label", "severity"),
    [
        ("critical", Severity.CRITICAL),
        ("High", Severity.HIGH),
        ("warning", Severity.MEDIUM),
        (" info ", Severity.LOW),
        ("", Severity.MEDIUM),
        ("sev-17", Severity.MEDIUM),
    ],
)
def test_severities_are_read_in_the_words_people_use(label, severity):
    (seen,) = read(alert({"severity": label})).seen
    assert seen.request.severity is severity


def test_an_alert_without_a_severity_has_that_of_its_metric():
    (seen,) = read(alert({"metric_id": "mesh.errors"})).seen
    assert seen.request.severity is Severity.HIGH


@pytest.mark.parametrize(
    ("annotations", "title"),
    [
        ({"summary": "s", "description": "d"}, "s"),
        ({"summary": " ", "description": "d\nmore"}, "d more"),
        ({}, "Slow"),
    ],
)
def test_the_title_is_summary_else_description_else_the_alerts_name(annotations, title):
    (seen,) = read(alert(annotations=annotations)).seen
    assert seen.title == title


def test_an_alert_without_any_name_is_still_one():
    (seen,) = read(alert({"alertname": ""}, {})).seen
    assert seen.title == "an alert without a name"


def test_annotations_may_set_the_windows():
    annotations = {"observation_window_minutes": "0.5", "rolling_window_minutes": "2"}
    (seen,) = read(alert(annotations=annotations)).seen
    criteria = seen.request.acceptance_criteria
    assert criteria.observation_window_minutes == 0.5
    assert criteria.metric_targets[0].rolling_window_minutes == 2


def test_subsystem_id_goes_before_subsystem():
    (seen,) = read(alert({"subsystem_id": "web"})).seen
    assert seen.request.subsystem_id == "web"


def test_every_error_of_every_alert_is_told_and_the_good_ones_go_on():
    intake = read(
        alert({"subsystem": "nowhere", "metric_id": "nothing"}, {"value": "a lot"}),
        alert(),
        alert({"metric_id": "unmeasured"}),
        alert({"subsystem": "", "metric_id": ""}),
        alert(annotations={"observation_window_minutes": "-1"}),
        alert(annotations={"rolling_window_minutes": "nan"}),
        alert(annotations={"rolling_window_minutes": "0"}),
        truncatedAlerts=3,
    )
    assert [seen.title for seen in intake.seen] == ["delivery is slow"]
    assert intake.truncated == 3
    assert [(e.field, e.problem) for e in intake.errors] == [
        ("alerts[0].labels.subsystem", "unknown subsystem 'nowhere'; known are: mesh, web"),
        (
            "alerts[0].labels.metric_id",
            "unknown metric 'nothing'; known are: mesh.errors, mesh.latency",
        ),
        ("alerts[0].annotations.value", "'a lot' is no number"),
        (
            "alerts[2].labels.metric_id",
            (
                "unmeasured has no source in the metrics catalog: add one there; "
                "known are: mesh.errors, mesh.latency"
            ),
        ),
        ("alerts[3].labels.subsystem", "is required; known are: mesh, web"),
        (
            "alerts[3].labels.metric_id",
            "is required, or nobody can tell a fix; known are: mesh.errors, mesh.latency",
        ),
        ("alerts[4].annotations.observation_window_minutes", "Input should be greater than 0"),
        ("alerts[5].annotations.rolling_window_minutes", "'nan' is no number"),
        ("alerts[6].annotations.rolling_window_minutes", "Input should be greater than 0"),
    ]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"\xff", "body"),
        (body(version="3"), "version"),
        (body(alert(status="pending")), "alerts[0].status"),
        (body(alert(), alert(startsAt="yesterday")), "alerts[1].startsAt"),
        (body(alert(startsAt="2026-11-22T12:00:00")), "alerts[0].startsAt"),
        (body(alert(fingerprint="../../x")), "alerts[0].fingerprint"),
        (body(alert(labels={"n": 1})), "alerts[0].labels.n"),
        (body(alert(labels={str(i): "" for i in range(200)})), "alerts[0].labels"),
        (body(groupKey=None), "groupKey"),
    ],
)
def test_a_body_that_is_no_webhook_is_refused_by_field(raw, field):
    with pytest.raises(AlertError) as caught:
        read_alerts(raw)
    assert [error.field for error in caught.value.errors] == [field]
    assert field in str(caught.value)


@given(st.text(), st.text(), st.text(), st.text())
def test_a_strangers_text_is_one_bounded_printable_line(summary, description, url, label):
    raw = body(
        alert({"x": label}, {"summary": summary, "description": description}, generatorURL=url)
    )
    (seen,) = read_alerts(raw).seen
    assert seen.title.isprintable()
    assert 1 <= len(seen.title) <= 200
    assert seen.request.symptoms[0].description.isprintable()
    assert seen.request.summary.isprintable()
    assert seen.request.evidence[0].source.isprintable()
    assert all(line.isprintable() for line in str(seen.request.evidence[0].excerpt).split("\n"))


def test_a_long_text_ends_in_an_ellipsis():
    assert plain("\x1b[2J\u202eab " * 5000, 20) == "[2Jab [2Jab [2Jab […"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(["version", "groupKey", "truncatedAlerts"]), json_values),
    st.lists(
        st.dictionaries(
            st.sampled_from(["status", "labels", "annotations", "startsAt", "fingerprint"]),
            json_values,
        ).map(lambda changes: alert() | changes),
        max_size=3,
    ),
)
def test_whatever_is_posted_is_read_or_refused(outer, alerts):
    try:
        intake = read_alerts(body(*alerts, **outer))
    except AlertError as error:
        told = len(error.errors)
    else:
        told = len(intake.seen) + len(intake.errors)
    assert told or not alerts


@pytest.fixture
async def posted():
    """Run a receiver; yield its URL and the queue of bodies posted to it."""
    bodies: asyncio.Queue[bytes] = asyncio.Queue()

    async def receive(request):
        bodies.put_nowait(await request.read())
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/alerts", receive)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/alerts", bodies
    await runner.cleanup()


@pytest.fixture
async def alertmanager(tmp_path, posted):
    if ALERTMANAGER is None:
        pytest.skip("Alertmanager is not installed: apt-get install prometheus-alertmanager")
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        "route: {receiver: grace, group_wait: 0s, group_by: [alertname]}\n"
        f"receivers: [{{name: grace, webhook_configs: [{{url: '{posted[0]}'}}]}}]\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            ALERTMANAGER,
            f"--config.file={config}",
            f"--storage.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            stdout=log,
            stderr=log,
        )
    yield f"http://127.0.0.1:{port}"
    process.kill()
    await process.wait()


async def test_what_a_real_alertmanager_posts_asks_for_a_mission(alertmanager, posted):
    fired = {"labels": alert()["labels"], "annotations": {"summary": "slow"}}
    async with asyncio.timeout(40), httpx.AsyncClient(trust_env=False) as client:
        while not await _post(client, f"{alertmanager}/api/v2/alerts", fired):  # noqa: ASYNC110 -- another process's state
            await asyncio.sleep(0.05)
        raw = await posted[1].get()
    intake = read_alerts(raw)
    assert intake.errors == ()
    (seen,) = intake.seen
    assert (seen.title, seen.status, seen.request.subsystem_id) == ("slow", "firing", "mesh")
    assert len(seen.fingerprint) == 16


async def _post(client, url, fired):
    try:
        return (await client.post(url, json=[fired])).is_success
    except httpx.TransportError:
        return False
