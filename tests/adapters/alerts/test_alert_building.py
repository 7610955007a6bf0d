"""What every alert has in common: its time, labels and words are a stranger's and bounded."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.alerts.building import Builder, fingerprint
from grace.adapters.alerts.strict_json import read_json
from grace.adapters.alerts.told import AlertError, Said, Told
from grace.adapters.alerts.words import bounded, plain, text_of
from grace.domain.alerting.sources import Words
from support.alert_calls import NOW, POLICY

TOLD = Told(
    place="",
    fingerprint="test:1",
    status="firing",
    title="slow",
    description="",
    labels={"service": "mesh"},
    severity=[],
    subsystem=[Said("labels.subsystem", "mesh")],
    metric=[Said("labels.metric_id", "mesh.latency")],
    at=NOW,
)


def build(*alerts, words=None, now=NOW):
    builder = Builder("test", words or Words(), POLICY, now)
    for each in alerts:
        builder.add(each)
    return builder.done()


@pytest.mark.parametrize(
    "at",
    [
        NOW + timedelta(days=2),
        NOW + timedelta(minutes=6),
        NOW - timedelta(days=367),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=23, minutes=59))),
    ],
)
def test_a_time_that_cannot_be_gives_way_to_the_time_of_arrival_and_is_recorded(at):
    (seen,) = build(replace(TOLD, at=at)).seen
    assert seen.at == NOW
    (evidence,) = seen.request.evidence
    assert evidence.at == NOW
    assert f"the source says {at.isoformat()}, which cannot be" in str(evidence.excerpt)


@pytest.mark.parametrize("ago", [timedelta(minutes=-4), timedelta(0), timedelta(days=300)])
def test_a_time_that_can_be_is_kept(ago):
    (seen,) = build(replace(TOLD, at=NOW - ago)).seen
    assert seen.at == NOW - ago
    assert "cannot be" not in str(seen.request.evidence[0].excerpt)


def test_labels_are_bounded_in_number_and_length():
    many = {f"label{i:03}": "x" * 1000 for i in range(100)} | {"n" * 200: "v", "\u200b": "hidden"}
    (seen,) = build(replace(TOLD, labels=many)).seen
    assert len(seen.labels) == 40
    assert max(map(len, seen.labels.values())) == 200
    assert "and 62 more labels" in str(seen.request.evidence[0].excerpt)
    assert [len(name) for name in bounded({"n" * 200: "v", "\u200b": "x"})] == [80]


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text(), max_size=4))
def test_no_text_is_more_than_a_printable_line(title, description, labels):
    told = replace(TOLD, title=title, description=description, labels=labels)
    (seen,) = build(told).seen
    texts = [seen.title, seen.request.summary, *seen.labels, *seen.labels.values()]
    assert all(text.isprintable() for text in texts)
    assert len(seen.title) <= 200
    seen.model_dump_json().encode()


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u202e", "\u3164", "\U000e0041", "\ufe0f", "\x1b", "\ud800", "\u2800"]
)
def test_characters_that_nobody_sees_do_not_pass(hidden):
    assert plain(f"pass{hidden}word").replace(" ", "") == "password"
    assert plain(f" {hidden} ") == ""


def test_a_mapped_word_comes_before_the_subsystem_of_that_name():
    words = Words(subsystems={"mesh": "web"})
    (seen,) = build(TOLD, words=words).seen
    assert seen.request.subsystem_id == "web"


def test_a_metric_that_is_named_wrongly_is_not_guessed():
    words = Words(metrics={"mesh": "mesh.errors"})
    intake = build(replace(TOLD, metric=[Said("labels.metric_id", "mesh.nothing")]), words=words)
    assert intake.seen == ()
    assert [e.field for e in intake.errors] == ["labels.metric_id"]


def test_errors_past_so_many_are_counted():
    wrong = [replace(TOLD, place=f"alerts[{i}]", subsystem=[Said("s", "?")]) for i in range(70)]
    intake = build(*wrong, TOLD)
    assert (len(intake.errors), intake.more, len(intake.seen)) == (50, 20, 1)
    assert intake.errors[-1].field == "alerts[49].s"


def test_a_fingerprint_is_the_sources_own_name_or_a_digest():
    assert fingerprint("custom:x", "disk:1/2") == "custom:x:disk:1/2"
    one, two = fingerprint("x", "a b", "c"), fingerprint("x", "a", "b c")
    assert one != two
    assert len(one) == len("x:") + 32
    assert fingerprint("x", "\ud800").startswith("x:")
    assert len(fingerprint("x", "a" * 101)) == len("x:") + 32


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b'{"a": 1, "a": 2}', "one name twice"),
        (b'[{"b": {"a": 1, "a": 1}}]', "one name twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "too large"),
        (b"[" + b"9" * 401 + b"]", "too large"),
        (b"[" * 100_000, "nests too deep"),
        (b'{"a":' * 100_000, "nests too deep"),
        (b"[1,]", "line 1, column"),
    ],
)
def test_json_is_read_strictly(body, words):
    with pytest.raises(AlertError, match=words) as caught:
        read_json(body)
    assert [error.field for error in caught.value.errors] == ["body"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(json_values)
def test_what_is_json_is_read_as_it_is(value):
    assert read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (True, "true"), (False, "false"), (3, "3"), (0.5, "0.5"), (None, ""), ([1], "")],
)
def test_values_have_one_text_each(value, text):
    assert text_of(value) == text
