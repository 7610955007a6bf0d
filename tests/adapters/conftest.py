"""A key, for the tests of signatures and of the audit of clones."""

import hashlib

import pytest

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.ledger import genesis
from support.audited import MISSION, Forge, step


@pytest.fixture(scope="session")
def key() -> Ed25519Key:
    """A private key that is the same in every run."""
    return Ed25519Key(hashlib.sha256(b"a key for tests").digest())


@pytest.fixture(scope="session")
def keys(key: Ed25519Key) -> PublicKeys:
    """The public half of `key`, as a verifier."""
    return PublicKeys(key.public)


@pytest.fixture
def forge(tmp_path, key):
    made = Forge(tmp_path, key)
    made.enter(genesis("octo/mesh", "forge.test", 7, key.public))
    patched = made.enter(step())
    made.publish()
    tree = made.tree({"app.py": b"fast\n"})
    work = made.commit(tree, made.sealed("Fix --- it", tree, patched), [made.base], signer=key)
    made.ref(f"heads/grace/{MISSION}", work)
    gate = made.enter(step("mission.gate_passed"))
    made.publish()
    landed = made.commit(tree, made.sealed("Merge it", tree, gate), [made.base, work])
    made.ref("heads/main", landed)
    made.enter(step("mission.merged", {"merge_sha": landed, "tree": tree}))
    made.enter(step("mission.resolved"))
    made.publish()
    made.work, made.landed, made.fixed = work, landed, tree
    return made
