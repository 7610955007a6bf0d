"""What is an event and what is not."""

import pytest

from trigger_mesh.events import BadEvent, Event, parse_event


def test_event_is_read() -> None:
    body = b'{"id": "e-1", "topic": "orders.created", "payload": [1, null]}'
    assert parse_event(body) == Event("e-1", "orders.created", [1, None])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "a JSON object"),
        (b'{"topic": "a"}', "an id and a topic"),
        (b'{"id": "", "topic": "a"}', "an id and a topic"),
        (b'{"id": 1, "topic": "a"}', "an id and a topic"),
        (b'{"id": "e", "topic": "A b"}', "lower case"),
        (b'{"id": "e", "topic": "a..b"}', "lower case"),
        (b'{"id": "e", "topic": "' + b"a" * 201 + b'"}', "200 characters"),
    ],
)
def test_anything_else_is_refused_with_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(BadEvent, match=sentence):
        parse_event(body)
