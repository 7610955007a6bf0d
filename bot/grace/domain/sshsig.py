"""Git commits signed with SSHSIG: the raw commit, its signature header, making and checking it.

Source: PROTOCOL.sshsig of OpenSSH, version 1, with the namespace `git` and SHA-512, as
`ssh-keygen -Y verify` and `git verify-commit` read it. A commit is signed as its raw bytes without
the signature header.
"""

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grace.domain.signing import (
    PUBLIC_KEY_BYTES,
    SIGNATURE_BYTES,
    Signer,
    Verifier,
    key_id_of,
)

_MAGIC: Final = b"SSHSIG"
_VERSION: Final = struct.pack(">I", 1)
_KEY_TYPE: Final = b"ssh-ed25519"
_HASH: Final = b"sha512"
_GIT: Final = b"git"
_BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
_END: Final = "-----END SSH SIGNATURE-----"
_WIDTH: Final = 70
_SIGNATURE_HEADERS: Final = (b"gpgsig", b"gpgsig-sha256")
_OBJECT_ID: Final = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class SignatureFormatError(ValueError):
    """Bytes that are not an SSHSIG signature, or not a commit."""


class CommitProof(StrEnum):
    """What the SSHSIG of a commit proves."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN_KEY = "unknown_key"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Commit:
    """A raw commit taken apart. `signed` is what its signature covers; `signature` is armored."""

    tree: str
    parents: tuple[str, ...]
    message: str
    signed: bytes
    signature: str | None


def armor(message: bytes, signer: Signer, namespace: bytes = _GIT) -> str:
    """Sign bytes as `ssh-keygen -Y sign -n NAMESPACE` does; the text ends with a newline."""
    signature = signer.sign(_to_sign(message, namespace))
    blob = b"".join(
        (
            _MAGIC,
            _VERSION,
            _string(_string(_KEY_TYPE) + _string(signer.public)),
            _string(namespace),
            _string(b""),
            _string(_HASH),
            _string(_string(_KEY_TYPE) + _string(signature)),
        )
    )
    text = base64.b64encode(blob).decode("ascii")
    lines = [text[i : i + _WIDTH] for i in range(0, len(text), _WIDTH)]
    return "\n".join((_BEGIN, *lines, _END, ""))


def check(message: bytes, armored: str, verifier: Verifier, namespace: bytes = _GIT) -> CommitProof:
    """Check an armored signature; SignatureFormatError when it is not Ed25519 SSHSIG of ours."""
    public, signature = _dearmor(armored, namespace)
    key_id = key_id_of(public)
    if not verifier.knows(key_id):
        return CommitProof.UNKNOWN_KEY
    good = verifier(key_id, _to_sign(message, namespace), signature)
    return CommitProof.GOOD if good else CommitProof.BAD


def sign_commit(raw: bytes, signer: Signer) -> bytes:
    """Insert the signature into a raw commit (header, blank line, message) that has none yet."""
    commit = parse_commit(raw)
    if commit.signature is not None:
        raise SignatureFormatError("the commit is signed already")
    header, _, message = raw.partition(b"\n\n")
    lines = armor(raw, signer).rstrip("\n").replace("\n", "\n ")
    name = _header_name(commit.tree.encode("ascii"))
    return b"%b\n%b %b\n\n%b" % (header, name, lines.encode("ascii"), message)


def check_commit(raw: bytes, verifier: Verifier) -> CommitProof:
    """Check the SSHSIG of a raw commit. NONE: unsigned, or signed in another way (PGP, X.509)."""
    commit = parse_commit(raw)
    if commit.signature is None or not commit.signature.startswith(_BEGIN):
        return CommitProof.NONE
    try:
        return check(commit.signed, commit.signature, verifier)
    except SignatureFormatError:
        return CommitProof.BAD


def parse_commit(raw: bytes) -> Commit:
    """Take a raw commit object apart; SignatureFormatError when it is not one."""
    header, separator, message = raw.partition(b"\n\n")
    fields: list[tuple[bytes, bytes]] = []
    for line in header.split(b"\n"):
        if line.startswith(b" ") and fields:
            name, value = fields[-1]
            fields[-1] = (name, value + b"\n" + line[1:])
        else:
            name, _, value = line.partition(b" ")
            fields.append((name, value))
    if not separator or fields[0][0] != b"tree" or not _OBJECT_ID.fullmatch(fields[0][1]):
        raise SignatureFormatError("the object is not a commit")
    header_name = _header_name(fields[0][1])
    signatures = [value for name, value in fields if name == header_name]
    if len(signatures) > 1:
        raise SignatureFormatError("the commit has more than one signature")
    unsigned = [_field(*f) for f in fields if f[0] not in _SIGNATURE_HEADERS]
    return Commit(
        tree=fields[0][1].decode("ascii"),
        parents=tuple(v.decode("ascii", "replace") for n, v in fields if n == b"parent"),
        message=message.decode("utf-8", "surrogateescape"),
        signed=b"\n".join(unsigned) + b"\n\n" + message,
        signature=signatures[0].decode("ascii", "replace") + "\n" if signatures else None,
    )


def object_id(raw: bytes, *, like: str) -> str:
    """Compute the id of a commit object by the hash that the id `like` was made with."""
    data = b"commit %d\x00%b" % (len(raw), raw)
    if len(like) == hashlib.sha256().digest_size * 2:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _header_name(tree: bytes) -> bytes:
    """Name the signature header: git has another where objects are named by SHA-256."""
    return _SIGNATURE_HEADERS[len(tree) == hashlib.sha256().digest_size * 2]


def _field(name: bytes, value: bytes) -> bytes:
    return name + b" " + value.replace(b"\n", b"\n ")


def _to_sign(message: bytes, namespace: bytes) -> bytes:
    digest = hashlib.sha512(message).digest()
    parts = (namespace, b"", _HASH, digest)
    return _MAGIC + b"".join(_string(part) for part in parts)


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _dearmor(armored: str, namespace: bytes) -> tuple[bytes, bytes]:
    lines = armored.rstrip("\n").split("\n")
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:  # noqa: PLR2004 - frame and body
        raise SignatureFormatError("not an armored SSH signature")
    try:
        blob = base64.b64decode("".join(lines[1:-1]).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise SignatureFormatError("the SSH signature is not base64") from error
    if not blob.startswith(_MAGIC + _VERSION):
        raise SignatureFormatError("not SSHSIG version 1")
    key, space, reserved, algorithm, signature = _strings(blob[len(_MAGIC + _VERSION) :], 5)
    if (space, reserved, algorithm) != (namespace, b"", _HASH):
        raise SignatureFormatError("another namespace or hash than expected")
    key_type, public = _strings(key, 2)
    signature_type, raw = _strings(signature, 2)
    sizes = (len(public), len(raw))
    if {key_type, signature_type} != {_KEY_TYPE} or sizes != (PUBLIC_KEY_BYTES, SIGNATURE_BYTES):
        raise SignatureFormatError("not an Ed25519 signature")
    return public, raw


def _strings(data: bytes, count: int) -> list[bytes]:
    found = []
    for _ in range(count):
        (size,) = struct.unpack_from(">I", data.ljust(4, b"\xff"))
        if size > len(data) - 4:
            raise SignatureFormatError("the SSH signature is cut short")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    if data:
        raise SignatureFormatError("the SSH signature has bytes after its end")
    return found
