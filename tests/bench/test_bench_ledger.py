"""The ledger: entries signed and appended, entries verified, and canonical JSON beside plain."""

import json
from datetime import UTC, datetime

import pytest

from bench.figures import rate, tell_ratio
from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.ledger import Entry, Head, append, draft
from grace.domain.ledger_verify import Verified, verify_entries
from grace.domain.signing import JsonValue, canonical

pytestmark = pytest.mark.bench

BATCH = 200
LOG = "forge.test/1"
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KEY = Ed25519Key(bytes(range(32)))
PAYLOAD: dict[str, JsonValue] = {
    "result": "pending",
    "facts_hash": "sha256:" + "a" * 64,
    "policy_hash": "sha256:" + "b" * 64,
    "tree": {
        "name": "merge",
        "children": [
            {"name": f"gate {n}", "result": "pass", "reason": "all conditions hold", "p95": n / 7}
            for n in range(12)
        ],
    },
}


def entries() -> list[Entry]:
    head, made = Head.empty(LOG), []
    for _ in range(BATCH):
        note = draft("mission.verdict", "grace", PAYLOAD, mission="mission_20261122_001")
        made.append(append(head, note, bytes(16), AT, KEY))
        head = made[-1].head
    return made


def test_entries_are_signed_and_verified() -> None:
    lines = [entry.line for entry in entries()]
    keys = PublicKeys(KEY.public)

    def verify() -> int:
        assert isinstance(verify_entries(lines, keys), Verified)
        return len(lines)

    ratio = tell_ratio(
        rate("ledger entries made, chained and signed", lambda: len(entries())),
        rate("ledger entries verified, each read in its one spelling", verify),
    )
    assert ratio > 0


def test_canonical_json_beside_plain_json() -> None:
    def plain() -> int:
        for _ in range(BATCH):
            json.dumps(PAYLOAD, sort_keys=True, separators=(",", ":")).encode()
        return BATCH

    def rfc8785() -> int:
        for _ in range(BATCH):
            canonical(PAYLOAD)
        return BATCH

    size = len(canonical(PAYLOAD))
    ratio = tell_ratio(
        rate(f"plain JSON with sorted keys ({size} bytes)", plain),
        rate(f"canonical JSON, RFC 8785 ({size} bytes)", rfc8785),
    )
    assert json.loads(canonical(PAYLOAD)) == PAYLOAD
    assert ratio > 0
