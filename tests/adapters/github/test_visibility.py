"""What a webhook says by the way about the privacy of its repository."""

import json
from datetime import UTC, datetime

import pytest

from grace.adapters.github.ours import Ours
from grace.adapters.github.visibility import visibility
from grace.ports import Delivery

OURS = Ours(host="github.test", app_id=1, bot_login="grace[bot]")
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def said(body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return visibility(Delivery("github", "1", "push", raw, NOW), OURS)


def repository(**changes):
    return {"repository": {"id": 7, "full_name": "octo/mesh", "private": True, **changes}}


def test_a_webhook_says_whether_its_repository_is_private():
    [seen] = said({**repository(updated_at="2026-11-21T08:00:00Z"), "installation": {"id": 3}})
    assert (seen.ref.log, seen.ref.installation_id) == ("github.test/7", 3)
    assert (seen.private, seen.at) == (True, datetime(2026, 11, 21, 8, tzinfo=UTC))
    [seen] = said(repository(private=False))
    assert (seen.private, seen.at, seen.ref.installation_id) == (False, NOW, None)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", {}, {"repository": {"id": 7}}, repository(private=None)]
)
def test_where_it_is_not_said_nothing_is_known(body):
    assert said(body) == ()
