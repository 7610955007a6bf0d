"""What of a patch is read, within which bounds, and what its bytes say; however they were got."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from grace.domain.inspection import CommitFact
from grace.domain.objects import TreeEntry
from grace.domain.patch_apply import is_binary
from grace.domain.signing import Verifier
from grace.domain.sshsig import CommitProof, SignatureFormatError, check_commit, parse_commit
from grace.domain.weakening import FilePair

MAX_PAIRS: Final = 5000
MAX_FILE_BYTES: Final = 512 * 1024
MAX_BYTES: Final = 32 * 1024 * 1024
MAX_COMMITS: Final = 1000
# Beyond this GitHub does not read a CODEOWNERS file either.
MAX_DOCUMENT_BYTES: Final = 3 * 1024 * 1024
# Stands for a document that is there and cannot be read: a link, a folder, one that is too large.
UNREADABLE: Final = b"\0"

Signature = Literal["good", "bad", "none", "unknown_key"]

_PLAIN: Final = frozenset({"100644", "100755"})
_NOREPLY: Final = re.compile(
    r"(?:\d+\+)?([A-Za-z0-9-]+(?:\[bot\])?)@users\.noreply\.[A-Za-z0-9.-]+"
)
_AUTHOR: Final = re.compile(rb"^author [^\n]*<([^<>\n]*)>[^<>\n]*$", re.MULTILINE)
_MAX_ADDRESS: Final = 320
_SSHSIG: Final = b"SSHSIG"
# The name of the key's kind in an SSHSIG: after magic, version and two lengths.
_KEY_KIND: Final = slice(18, 29)
_ED25519: Final = b"ssh-ed25519"


@dataclass(frozen=True, slots=True)
class PathChange:
    """One path in which two trees differ; None where there is nothing."""

    path: str
    old: TreeEntry | None
    new: TreeEntry | None

    @property
    def blobs(self) -> tuple[str, ...]:
        """List the ids of what is there, before and after."""
        return tuple(side.sha for side in (self.old, self.new) if side is not None)

    @property
    def is_plain(self) -> bool:
        """Tell whether it is a regular file on both sides: no link and no submodule."""
        return all(is_plain(side) for side in (self.old, self.new) if side is not None)

    @property
    def keeps_content(self) -> bool:
        """Tell whether nothing but the mode changed."""
        return self.old is not None and self.new is not None and self.old.sha == self.new.sha


def is_plain(entry: TreeEntry) -> bool:
    """Tell whether it is a regular file."""
    return entry.mode in _PLAIN


def to_read(changes: Iterable[PathChange], sizes: Mapping[str, int]) -> tuple[PathChange, ...]:
    """Choose the changes whose texts are read: the first of them that are within the bounds.

    `sizes`: bytes by blob id; one that is not listed is too large.
    """
    chosen: list[PathChange] = []
    spent = 0
    for change in changes:
        if not change.is_plain or change.keeps_content:
            continue
        each = [sizes.get(blob, MAX_FILE_BYTES + 1) for blob in change.blobs]
        if max(each) > MAX_FILE_BYTES or spent + sum(each) > MAX_BYTES:
            continue
        if len(chosen) == MAX_PAIRS:
            break
        chosen.append(change)
        spent += sum(each)
    return tuple(chosen)


def pair_of(change: PathChange, contents: Mapping[str, bytes]) -> FilePair | None:
    """Make the texts of a change from blobs by id; None: its content stayed as it was.

    A blob that is not there, no UTF-8 or binary makes it unreadable, and so does a link.
    """
    path = shown(change.path)
    if not change.is_plain:
        return FilePair(path=path, readable=False)
    if change.keeps_content:
        return None
    texts: list[str | None] = []
    for side in (change.old, change.new):
        text = None if side is None else text_of(contents.get(side.sha))
        if side is not None and text is None:
            return FilePair(path=path, readable=False)
        texts.append(text)
    return FilePair(path=path, before=texts[0], after=texts[1])


def text_of(content: bytes | None) -> str | None:
    """Decode a file; None for one that is binary, no UTF-8, or was not read."""
    if content is None or b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def line_count(content: bytes) -> int:
    """Count the lines of a file; a binary has none."""
    if is_binary(content):
        return 0
    return content.count(b"\n") + (content != b"" and not content.endswith(b"\n"))


def shown(path: str) -> str:
    r"""Write a path so that it is text: bytes that are no UTF-8 as `\xff`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def account_of(address: str) -> str:
    """Name whose address it is: the login where it is a forge's noreply address, else itself."""
    found = _NOREPLY.fullmatch(address)
    return found[1] if found else address[:_MAX_ADDRESS]


def commit_fact(sha: str, raw: bytes, signers: Verifier) -> CommitFact:
    """Read a raw commit: parents, author, and what its signature proves.

    A signature of another kind (PGP, X.509, an SSH key that is not Ed25519) is of an unknown key.
    """
    header = raw.partition(b"\n\n")[0]
    author = _AUTHOR.search(header)
    parents = [line[7:].decode() for line in header.split(b"\n") if line.startswith(b"parent ")]
    return CommitFact(
        sha=sha,
        parents=tuple(parents),
        author=account_of(author[1].decode("utf-8", "replace")) if author else "",
        signature=_signature(raw, signers),
    )


def _signature(raw: bytes, signers: Verifier) -> Signature:
    try:
        armored = parse_commit(raw).signature
        proof = check_commit(raw, signers)
    except SignatureFormatError:
        return "bad"
    match proof:
        case CommitProof.GOOD:
            return "good"
        case CommitProof.UNKNOWN_KEY:
            return "unknown_key"
        case CommitProof.NONE:
            return "none" if armored is None else "unknown_key"
        case CommitProof.BAD:
            return "unknown_key" if _is_another_kind(armored or "") else "bad"
        case _:
            assert_never(proof)


def _is_another_kind(armored: str) -> bool:
    """Tell whether an SSH signature was made with a key that is not Ed25519."""
    try:
        blob = base64.b64decode("".join(armored.split("\n")[1:-2]), validate=True)
    except ValueError:
        return False
    return blob.startswith(_SSHSIG) and blob[_KEY_KIND] != _ED25519
