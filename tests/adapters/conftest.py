"""A key, for the tests of signatures and of the audit of clones."""

import hashlib

import pytest

from grace.adapters.keys import Ed25519Key, PublicKeys


@pytest.fixture(scope="session")
def key() -> Ed25519Key:
    """A private key that is the same in every run."""
    return Ed25519Key(hashlib.sha256(b"a key for tests").digest())


@pytest.fixture(scope="session")
def keys(key: Ed25519Key) -> PublicKeys:
    """The public half of `key`, as a verifier."""
    return PublicKeys(key.public)
