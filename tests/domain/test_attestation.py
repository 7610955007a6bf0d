"""What the forge commits for us proves itself by our signature in its message, and only as it is."""

import subprocess

import pytest

from grace.adapters.keys import Ed25519Key
from grace.domain.attestation import attest, prove, unattested
from grace.domain.sshsig import CommitProof, SignatureFormatError, sign_commit

TREE, PARENT, OTHER = "a" * 40, "b" * 40, "c" * 40
MESSAGES = ["Publish it\n", "Fix it\n\nWords.\n", "Fix it\n\nMission: m\nMission-Signature: k s\n"]
STRANGER = Ed25519Key(bytes(32))


def commit(message, *, tree=TREE, parents=(PARENT,), signature="", at=1):
    """Write the commit that a forge would make, with its own author and time."""
    links = "".join(f"parent {parent}\n" for parent in parents)
    who = f"grace[bot] <1+grace[bot]@users.example> {at} +0000"
    head = f"tree {tree}\n{links}author {who}\ncommitter GitHub <noreply@example> {at} +0000\n"
    return f"{head}{signature}\n{message}".encode()


@pytest.fixture
def made(key):
    def make(message="Fix it\n", parents=(PARENT,), signer=key):
        return attest(TREE, parents, message, lambda raw: sign_commit(raw, signer))

    return make


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("parents", [(), (PARENT,), (PARENT, OTHER)])
def test_attested_commit_is_proven_whoever_made_it_and_when(made, keys, message, parents):
    text = made(message, parents)
    assert unattested(text) == message
    for at in (1, 2_000_000_000):
        assert prove(commit(text, parents=parents, at=at), keys) is CommitProof.GOOD
        assert prove(commit(text.rstrip("\n"), parents=parents, at=at), keys) is CommitProof.GOOD
    pgp = "gpgsig -----BEGIN PGP SIGNATURE-----\n x\n -----END PGP SIGNATURE-----\n"
    assert prove(commit(text, parents=parents, signature=pgp), keys) is CommitProof.GOOD


def test_anything_but_author_and_time_is_covered(made, keys):
    text = made("Fix it\n\nMission: m\n")
    for changed in (
        commit(text, tree=OTHER),
        commit(text, parents=(OTHER,)),
        commit(text, parents=()),
        commit(text.replace("Fix", "Mix")),
        commit(text.replace("Mission: m", "Mission: n")),
    ):
        assert prove(changed, keys) is CommitProof.BAD
    assert prove(commit(text[:-9] + "\n"), keys) is CommitProof.BAD
    assert prove(commit("Fix it\n\nCommit-Signature: ü\n"), keys) is CommitProof.BAD


def test_key_that_nobody_knows_proves_nothing(made, keys):
    assert prove(commit(made(signer=STRANGER)), keys) is CommitProof.UNKNOWN_KEY


def test_other_commits_are_judged_by_their_own_signature(key, keys):
    plain = commit("Fix it\n")
    assert unattested("Fix it\n\n\n") == "Fix it\n\n\n"
    assert prove(plain, keys) is CommitProof.NONE
    assert prove(sign_commit(plain, key), keys) is CommitProof.GOOD


def test_signer_that_does_not_sign_is_found():
    with pytest.raises(SignatureFormatError, match="not signed"):
        attest(TREE, (), "Fix it\n", lambda raw: raw)


def test_git_reads_the_signature_as_a_trailer(made):
    out = subprocess.run(
        ["git", "interpret-trailers", "--parse"],
        input=made(MESSAGES[2]),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = [line.partition(":")[0] for line in out.splitlines()]
    assert names == ["Mission", "Mission-Signature", "Commit-Signature"]
