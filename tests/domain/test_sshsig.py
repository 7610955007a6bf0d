import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.sshsig import (
    CommitProof,
    SignatureFormatError,
    armor,
    check,
    check_commit,
    object_id,
    parse_commit,
    sign_commit,
)

RAW = (
    b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
    b"parent 1111111111111111111111111111111111111111\n"
    b"author Grace <grace@example.test> 1790000000 +0000\n"
    b"committer Grace <grace@example.test> 1790000000 +0000\n"
    b"mergetag object 2222222222222222222222222222222222222222\n"
    b" type commit\n"
    b"\n"
    b"Subject\n\nBody\n"
)
OTHER = Ed25519Key(bytes(32))


def test_a_signed_commit_is_the_same_commit_and_good(key, keys):
    signed = sign_commit(RAW, key)
    commit = parse_commit(signed)
    assert commit.signed == RAW
    assert commit.tree == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert commit.parents == ("1" * 40,)
    assert commit.message == "Subject\n\nBody\n"
    assert check_commit(signed, keys) is CommitProof.GOOD


def test_other_keys_and_no_signature_are_told_apart(key, keys):
    assert check_commit(RAW, keys) is CommitProof.NONE
    assert check_commit(sign_commit(RAW, OTHER), keys) is CommitProof.UNKNOWN_KEY
    pgp = RAW.replace(b"\n\n", b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n\n", 1)
    assert check_commit(pgp, keys) is CommitProof.NONE


def test_a_commit_is_not_signed_twice(key):
    with pytest.raises(SignatureFormatError, match="already"):
        sign_commit(sign_commit(RAW, key), key)


@given(data=st.data())
def test_any_changed_byte_of_a_signed_commit_is_not_good(key, keys, data):
    signed = bytearray(sign_commit(RAW, key))
    signed[data.draw(st.integers(0, len(signed) - 1))] ^= data.draw(st.integers(1, 255))
    changed = bytes(signed)
    try:
        proof = check_commit(changed, keys)
    except SignatureFormatError:
        return
    if proof is CommitProof.GOOD:
        assert parse_commit(changed).signed == RAW


@pytest.mark.parametrize("raw", [b"", b"tree x\n\nm", b"blob\n\nm", RAW.partition(b"\n\n")[0]])
def test_what_is_no_commit_is_refused(raw):
    with pytest.raises(SignatureFormatError, match="not a commit"):
        parse_commit(raw)


def test_two_signatures_are_refused():
    raw = RAW.replace(b"\n\n", b"\ngpgsig a\ngpgsig b\n\n", 1)
    with pytest.raises(SignatureFormatError, match="more than one"):
        parse_commit(raw)


def framed(blob):
    text = base64.b64encode(blob).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"


def blob_of(key):
    return base64.b64decode("".join(armor(b"m", key).splitlines()[1:-1]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda b: b"SSHSIG\0\0\0\2" + b[10:], "version 1"),
        (lambda b: b[:40], "cut short"),
        (lambda b: b[:11], "cut short"),
        (lambda b: b + b"x", "after its end"),
        (lambda b: b.replace(b"sha512", b"sha256"), "namespace or hash"),
        (lambda b: b.replace(b"ssh-ed25519", b"ssh-ed25518"), "not an Ed25519"),
    ],
)
def test_another_signature_format_is_named(key, keys, change, sentence):
    with pytest.raises(SignatureFormatError, match=sentence):
        check(b"m", framed(change(blob_of(key))), keys)


@pytest.mark.parametrize("text", ["", "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----"])
def test_an_empty_frame_is_refused(keys, text):
    with pytest.raises(SignatureFormatError, match="armored"):
        check(b"m", text, keys)


@pytest.mark.parametrize("body", ["*", "é"])
def test_a_frame_that_is_not_base64_is_refused(keys, body):
    with pytest.raises(SignatureFormatError, match="base64"):
        check(b"m", framed(b"").replace("\n\n", f"\n{body}\n"), keys)


def test_a_namespace_separates(key, keys):
    assert check(b"m", armor(b"m", key, b"file"), keys, b"file") is CommitProof.GOOD
    with pytest.raises(SignatureFormatError, match="namespace"):
        check(b"m", armor(b"m", key, b"file"), keys)
    assert check(b"n", armor(b"m", key), PublicKeys(key.public)) is CommitProof.BAD


def test_a_broken_frame_in_a_commit_is_a_bad_signature(key, keys):
    raw = RAW.replace(b"\n\n", b"\ngpgsig -----BEGIN SSH SIGNATURE-----\n x\n\n", 1)
    assert check_commit(raw, keys) is CommitProof.BAD


def test_object_ids_are_computed_by_the_hash_of_the_repository():
    data = b"commit %d\0" % len(RAW) + RAW
    assert object_id(RAW, like="0" * 40) == hashlib.sha1(data).hexdigest()
    assert object_id(RAW, like="0" * 64) == hashlib.sha256(data).hexdigest()
