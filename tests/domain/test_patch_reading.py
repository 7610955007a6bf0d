import base64
import struct

import pytest

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.objects import TreeEntry
from grace.domain.patch_reading import (
    MAX_BYTES,
    MAX_FILE_BYTES,
    MAX_PAIRS,
    PathChange,
    account_of,
    commit_fact,
    line_count,
    pair_of,
    shown,
    to_read,
)
from grace.domain.sshsig import sign_commit

KEY = Ed25519Key(bytes(range(32)))
RAW = b"tree " + b"a" * 40 + b"\nauthor A <a@b.c> 1 +0000\ncommitter A <a@b.c> 1 +0000\n\nx\n"


def changed(path: str, old: str | None, new: str | None, mode: str = "100644") -> PathChange:
    sides = (None if sha is None else TreeEntry(mode, sha) for sha in (old, new))
    return PathChange(path, *sides)


def signed_with(armored: str) -> bytes:
    header, _, message = RAW.partition(b"\n\n")
    return header + b"\ngpgsig " + armored.replace("\n", "\n ").encode() + b"\n\n" + message


def ssh(kind: bytes, magic: bytes = b"SSHSIG") -> str:
    inner = struct.pack(">I", len(kind)) + kind
    blob = magic + struct.pack(">I", 1) + struct.pack(">I", len(inner)) + inner
    body = base64.b64encode(blob).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----"


def test_what_is_too_large_is_left_out_and_what_comes_after_it_is_read():
    sizes = {"small": 10, "edge": MAX_FILE_BYTES, "large": MAX_FILE_BYTES + 1}
    listed = [
        changed("a", None, "large"),
        changed("b", "unlisted", "small"),
        changed("c", "edge", None),
        changed("d", None, "small", "120000"),
        changed("e", "small", "small"),
        changed("f", "small", "edge"),
    ]
    assert [c.path for c in to_read(listed, sizes)] == ["c", "f"]


def test_no_more_is_read_than_the_bounds_of_all_files_together():
    half = {"x": MAX_FILE_BYTES, "y": 1}
    many = [changed(str(i), None, "x") for i in range(MAX_BYTES // MAX_FILE_BYTES + 3)]
    assert len(to_read(many, half)) == MAX_BYTES // MAX_FILE_BYTES
    small = [changed(str(i), None, "y") for i in range(MAX_PAIRS + 1)]
    assert len(to_read(small, half)) == MAX_PAIRS


@pytest.mark.parametrize("content", [None, b"a\0", b"\xff"])
def test_what_is_no_text_or_was_not_read_is_unreadable(content):
    contents = {"old": b"fine", **({} if content is None else {"new": content})}
    pair = pair_of(changed("p\udcff", "old", "new"), contents)
    assert pair is not None
    assert (pair.path, pair.before, pair.after, pair.readable) == ("p\\xff", None, None, False)


def test_texts_are_those_of_both_sides_and_nothing_where_there_is_none():
    contents = {"old": b"a\n", "new": "ü\n".encode()}
    pairs = [
        pair_of(changed("p", old, new), contents) for old, new in (("old", "new"), (None, "new"))
    ]
    assert [(p.before, p.after, p.readable) for p in pairs if p] == [
        ("a\n", "ü\n", True),
        (None, "ü\n", True),
    ]


def test_a_link_has_no_text_even_where_its_blob_was_a_file_before():
    link = PathChange("p", TreeEntry("100644", "a"), TreeEntry("120000", "a"))
    pair = pair_of(link, {"a": b"x"})
    assert pair is not None
    assert not pair.readable
    assert pair_of(changed("p", "a", "a"), {"a": b"x"}) is None


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("7+octo-cat@users.noreply.github.com", "octo-cat"),
        ("octo@users.noreply.ghe.example.org", "octo"),
        ("41+grace[bot]@users.noreply.github.com", "grace[bot]"),
        ("ada@example.org", "ada@example.org"),
        ("ada@users.noreply.github.com.evil@x", "ada@users.noreply.github.com.evil@x"),
        ("x" * 400, "x" * 320),
        ("", ""),
    ],
)
def test_a_noreply_address_names_its_account(address, name):
    assert account_of(address) == name


@pytest.mark.parametrize(
    ("raw", "proof"),
    [
        (RAW, "none"),
        (sign_commit(RAW, KEY), "good"),
        (sign_commit(RAW, KEY).replace(b"\n\nx", b"\n\ny"), "bad"),
        (sign_commit(RAW, Ed25519Key(bytes(32))), "unknown_key"),
        (
            signed_with("-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----"),
            "unknown_key",
        ),
        (signed_with(ssh(b"ssh-rsa")), "unknown_key"),
        (signed_with(ssh(b"sk-ssh-ed25519@openssh.com")), "unknown_key"),
        (signed_with(ssh(b"ssh-ed25519")), "bad"),
        (signed_with(ssh(b"ssh-rsa", b"NOTSIG")), "bad"),
        (signed_with(ssh(b"ssh-rsa").replace("U1NI", "%1NI")), "bad"),
        (signed_with("x").replace(b"\n\nx", b"\ngpgsig y\n\nx"), "bad"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_signature_proves_only_what_our_keys_made(raw, proof):
    fact = commit_fact("a" * 40, raw, PublicKeys(KEY.public))
    assert (fact.signature, fact.author) == (proof, "a@b.c")


def test_a_commit_names_its_parents_and_one_without_an_author_nobody():
    raw = RAW.replace(b"author A <a@b.c> 1 +0000", b"parent " + b"c" * 40)
    fact = commit_fact("a" * 40, raw, PublicKeys())
    assert (fact.parents, fact.author) == (("c" * 40,), "")


@pytest.mark.parametrize(
    ("content", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\0a\n", 0)]
)
def test_a_last_line_counts_without_its_end_too(content, lines):
    assert line_count(content) == lines


def test_a_path_of_text_is_shown_as_it_is():
    assert shown("ü/é b") == "ü/é b"
