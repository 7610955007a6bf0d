"""Whatever bytes arrive, a translation answers or says what is wrong with them."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grace.adapters.github.ours import Ours, TranslationError
from grace.adapters.github.translate import courtesies, translate
from grace.ports import Delivery
from support.examples import examples

OURS = Ours(host="github.test", app_id=7, bot_login="grace[bot]")
EVENTS = st.sampled_from(
    [
        "issues",
        "issue_comment",
        "pull_request",
        "pull_request_review",
        "check_run",
        "status",
        "push",
        "merge_group",
        "deployment_status",
        "workflow_run",
        "repository",
        "installation",
        "installation_repositories",
    ]
)
ACTIONS = st.sampled_from(
    [
        "opened",
        "edited",
        "labeled",
        "closed",
        "created",
        "completed",
        "submitted",
        "deleted",
        "removed",
        "requested_action",
        "checks_requested",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["a" * 40, "0" * 40, "2026-03-01T12:00:00Z", "acme/mesh", "grace/x", "\ud800"]
    )
)
NAMES = st.text() | st.sampled_from(["id", "number", "sha", "ref", "login", "repo", "user", "head"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner),
    max_leaves=12,
)


def answers(event: str, body: bytes) -> None:
    """Translate; anything but an answer or a `TranslationError` fails the test."""
    delivery = Delivery("github", "d", event, body, datetime(2026, 3, 1, tzinfo=UTC))
    try:
        courtesies(delivery, OURS)
        routed, note = translate(delivery, OURS)
    except TranslationError:
        return
    assert bool(routed) != bool(note)


@given(EVENTS | st.text(), st.binary())
def test_any_bytes_are_answered(event: str, body: bytes) -> None:
    answers(event, body)


@given(EVENTS, JSON)
def test_any_json_is_answered(event: str, value: Any) -> None:
    answers(event, json.dumps(value).encode())


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return found + [place for key, inner in items for place in places(inner, (*path, key))]


@given(EVENTS, ACTIONS, st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(300))
def test_any_damage_to_a_good_payload_is_answered(
    payloads: Any, event: str, action: str, data: st.DataObject
) -> None:
    body = payloads.envelope(
        action,
        issue=payloads.issue(),
        comment=payloads.comment("/grace start"),
        pull_request=payloads.pull(),
        review=payloads.review(),
        check_run=payloads.check(),
        ref="refs/heads/main",
        after="d" * 40,
        sha="a" * 40,
        context="ci",
        state="success",
        branches=[{"name": "grace/x", "commit": {"sha": "a" * 40}}],
        updated_at="2026-03-01T12:00:00Z",
        deployment={"sha": "d" * 40, "environment": "production"},
        deployment_status={"state": "success", "created_at": "2026-03-01T12:00:00Z"},
        requested_action={"identifier": "retry"},
        workflow_run={
            "id": 70,
            "path": ".github/workflows/grace-patch.yml",
            "event": "workflow_dispatch",
            "display_title": "grace patch mission_20260301_001/ask/2",
            "actor": payloads.bot(),
            "updated_at": "2026-03-01T12:00:00Z",
        },
        merge_group={
            "head_sha": "d" * 40,
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-4-" + "b" * 40,
            "base_sha": "b" * 40,
            "head_commit": {"message": "Fix"},
        },
        repositories=[payloads.repository()],
        repositories_removed=[payloads.repository()],
    )
    *parents, last = data.draw(st.sampled_from(places(body)))
    holder = body
    for key in parents:
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[last] = data.draw(JSON)
    else:
        del holder[last]
    answers(event, json.dumps(body).encode())
