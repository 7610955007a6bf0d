"""A key and a sample log, for the tests of ledger, trailers and audits."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.ledger import Entry, Head, append, draft, genesis

SampleLedger = Callable[..., list[Entry]]


@pytest.fixture(scope="session")
def key() -> Ed25519Key:
    """A private key that is the same in every run."""
    return Ed25519Key(hashlib.sha256(b"a key for tests").digest())


@pytest.fixture(scope="session")
def keys(key: Ed25519Key) -> PublicKeys:
    """The public half of `key`, as a verifier."""
    return PublicKeys(key.public)


@pytest.fixture(scope="session")
def sample_ledger(key: Ed25519Key) -> SampleLedger:
    """Build a log of `count` entries: the genesis entry, then steps of one mission."""

    def build(
        count: int = 6, *, log: str = "forge.test/7", signer: Ed25519Key = key
    ) -> list[Entry]:
        drafts = [genesis("octo/mesh", "forge.test", 7, signer.public)]
        for n in range(1, count):
            payload = {"step": n, "note": f"p95 was {n}.5 ms — é", "value": n / 3}
            drafts.append(
                draft("mission.step_taken", "octo-cat", payload, mission="mission_20261122_001")
            )
        head, entries = Head.empty(log), []
        at = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
        for n, step in enumerate(drafts):
            salt = hashlib.sha256(b"salt %d" % n).digest()[:16]
            entries.append(append(head, step, salt, at + timedelta(seconds=n), signer))
            head = entries[-1].head
        return entries

    return build
