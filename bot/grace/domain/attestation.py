"""Our own signature of a commit that the forge makes: the last trailer of its message.

A forge that makes a commit writes author, committer and time, and signs with a key of its own.
What we stand for is the rest: tree, parents and message. These are signed as the commit would be
if nobody had made it at the beginning of time, by SSHSIG like every commit of ours, and the
signature goes into the trailer `Commit-Signature`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from grace.domain.signing import Verifier
from grace.domain.sshsig import (
    CommitProof,
    SignatureFormatError,
    check,
    check_commit,
    parse_commit,
)

TRAILER: Final = "Commit-Signature: "

_NOBODY: Final = "nobody <> 0 +0000"
_FRAME: Final = "-----{} SSH SIGNATURE-----"
_TRAILERS: Final = re.compile(r"\n\n(?:[A-Za-z-]+: .+\n)+\Z")


def attest(tree: str, parents: Sequence[str], message: str, sign: Callable[[bytes], bytes]) -> str:
    """Return the message with our signature in it; `sign` gets a raw commit and signs it."""
    text = message.rstrip("\n") + "\n"
    signature = parse_commit(sign(_covered(tree, parents, text))).signature
    if signature is None:
        raise SignatureFormatError("the commit was not signed")
    joint = "" if _TRAILERS.search(text) else "\n"
    encoded = "".join(signature.splitlines()[1:-1])
    return f"{text}{joint}{TRAILER}{encoded}\n"


def unattested(message: str) -> str:
    """Return a message as it was before it was attested; another as it is."""
    return _parted(message)[0]


def prove(raw: bytes, verifier: Verifier) -> CommitProof:
    """Check a commit's own SSHSIG; where it has none of a known key, what its message carries."""
    proof = check_commit(raw, verifier)
    commit = parse_commit(raw)
    text, signature = _parted(commit.message)
    if signature is None or proof in {CommitProof.GOOD, CommitProof.BAD}:
        return proof
    armored = "\n".join((_FRAME.format("BEGIN"), signature, _FRAME.format("END"), ""))
    try:
        return check(_covered(commit.tree, commit.parents, text), armored, verifier)
    except SignatureFormatError:
        return CommitProof.BAD


def _parted(message: str) -> tuple[str, str | None]:
    front, _, last = message.rstrip("\n").rpartition("\n")
    if not last.startswith(TRAILER):
        return message, None
    return front.rstrip("\n") + "\n", last.removeprefix(TRAILER)


def _covered(tree: str, parents: Sequence[str], text: str) -> bytes:
    links = "".join(f"parent {parent}\n" for parent in parents)
    header = f"tree {tree}\n{links}author {_NOBODY}\ncommitter {_NOBODY}\n"
    return f"{header}\n{text}".encode("utf-8", "surrogateescape")
