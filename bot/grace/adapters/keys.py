"""Ed25519 keys: the private one in a file or an environment variable, public ones in any format.

The private key is stored as base64 of its 32-byte seed. It never appears in a repr, an error or a
log line.
"""

import base64
import binascii
import os
import re
import stat
import struct
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn, Self

from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from grace.domain.signing import (
    PUBLIC_KEY_BYTES,
    SIGNATURE_BYTES,
    NotCanonicalError,
    decode64,
    encode64,
    key_id_of,
)

_SEED_BYTES: Final = 32
_FILE_LIMIT: Final = 1 << 16
_SSH_TYPE: Final = b"ssh-ed25519"
_SSH_KEY: Final = re.compile(r"(?:^|\s)ssh-ed25519\s+([A-Za-z0-9+/=]+)(?:\s|$)")
_PRINCIPAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+-]*")


class KeyMaterialError(Exception):
    """A key that cannot be made, read or trusted; the text says what to do."""


class Ed25519Key:
    """A private key that signs (`grace.domain.signing.Signer`). Its repr shows the key id alone."""

    __slots__ = ("_key", "_key_id")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != _SEED_BYTES:
            raise KeyMaterialError(f"an Ed25519 seed has {_SEED_BYTES} bytes, not {len(seed)}")
        self._key = SigningKey(seed)
        self._key_id = key_id_of(self.public)

    @property
    def key_id(self) -> str:
        """Return the name of the public key."""
        return self._key_id

    @property
    def public(self) -> bytes:
        """Return the raw public key, 32 bytes."""
        return bytes(self._key.verify_key)

    def sign(self, message: bytes) -> bytes:
        """Sign with Ed25519 (RFC 8032): 64 bytes, the same for the same message."""
        return self._key.sign(message).signature

    def __repr__(self) -> str:
        return f"Ed25519Key({self._key_id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not to be pickled")

    @classmethod
    def generate(cls, path: Path) -> Self:
        """Make a new key in a new file that its owner alone can read; never overwrite one."""
        seed = bytes(SigningKey.generate())
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError as error:
            raise KeyMaterialError(
                f"{path} exists: a key is never overwritten. Choose another path, or move it away"
            ) from error
        with os.fdopen(handle, "wb") as file:
            file.write(encode64(seed).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return cls(seed)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file; refuse one that anybody but its owner can read."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                _check_private(path, status)
                text = file.read(_FILE_LIMIT)
        except OSError as error:
            raise KeyMaterialError(
                f"the key file {path} cannot be read ({error.strerror}): "
                "run `grace keys init`, or name the right file"
            ) from error
        return cls.parse(text.decode("ascii", "replace"), str(path))

    @classmethod
    def parse(cls, secret: str, origin: str) -> Self:
        """Read a key from the text of a file or an environment variable, named by `origin`."""
        try:
            seed = decode64(secret.strip(), _SEED_BYTES)
        except NotCanonicalError:
            # The cause may quote the text, and the text may be a secret: it stays here.
            raise KeyMaterialError(
                f"{origin} does not hold a key: it must be base64 of a {_SEED_BYTES}-byte seed"
            ) from None
        return cls(seed)


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyMaterialError(f"{path} is not a file")
    if status.st_mode & 0o077:
        raise KeyMaterialError(
            f"{path} can be read by others than its owner: run chmod 600 {path}, "
            "and make a new key if somebody may have read it"
        )


class PublicKeys:
    """Trusted public keys by key id (`grace.domain.signing.Verifier`)."""

    __slots__ = ("_keys",)

    def __init__(self, *raw: bytes) -> None:
        keys = {key_id_of(key): VerifyKey(_sized(key)) for key in raw}
        self._keys = MappingProxyType(keys)

    def knows(self, key_id: str) -> bool:
        """Say whether the key is one of these."""
        return key_id in self._keys

    def __call__(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """Say whether this key made this signature over this message."""
        key = self._keys.get(key_id)
        if key is None or len(signature) != SIGNATURE_BYTES:
            return False
        try:
            key.verify(message, signature)
        except CryptoError:
            return False
        return True

    def __repr__(self) -> str:
        return f"PublicKeys({', '.join(self._keys)})"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Return the ids of the keys, in the order they were given."""
        return tuple(self._keys)

    @classmethod
    def parse(cls, text: str, origin: str) -> Self:
        """Read public keys, one a line: raw base64, `ssh-ed25519` or allowed-signers lines."""
        lines = [line.strip() for line in text.splitlines()]
        keys = [_public(line, origin) for line in lines if line and not line.startswith("#")]
        if not keys:
            raise KeyMaterialError(f"{origin} holds no public key")
        return cls(*keys)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of public keys."""
        try:
            with path.open("rb") as file:
                text = file.read(_FILE_LIMIT)
        except OSError as error:
            raise KeyMaterialError(f"{path} cannot be read ({error.strerror})") from error
        return cls.parse(text.decode("utf-8", "replace"), str(path))

    @classmethod
    def beside(cls, own: bytes, path: Path | None) -> Self:
        """Take a key of our own, and those of a file where there is one."""
        return (cls() if path is None else cls.load(path)).plus(own)

    def plus(self, raw: bytes) -> Self:
        """Return these keys and one more."""
        return type(self)(*(bytes(key) for key in self._keys.values()), raw)


def raw_line(public: bytes) -> str:
    """Write a public key as base64 of its 32 bytes."""
    return encode64(public)


def ssh_line(public: bytes) -> str:
    """Write a public key as OpenSSH does in `.pub` files."""
    return f"{_SSH_TYPE.decode()} {encode64(_string(_SSH_TYPE) + _string(public))}"


def allowed_signers_line(public: bytes, principal: str = "grace") -> str:
    """Write a line for git's `gpg.ssh.allowedSignersFile`, good for git alone."""
    if not _PRINCIPAL.fullmatch(principal):
        raise KeyMaterialError(f"{principal!r} cannot be a principal: use a name or an address")
    return f'{principal} namespaces="git" {ssh_line(public)}'


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _sized(key: bytes) -> bytes:
    if len(key) != PUBLIC_KEY_BYTES:
        raise KeyMaterialError(f"a public key has {PUBLIC_KEY_BYTES} bytes, not {len(key)}")
    return key


def _public(line: str, origin: str) -> bytes:
    ssh = _SSH_KEY.search(line)
    prefix = _string(_SSH_TYPE) + struct.pack(">I", PUBLIC_KEY_BYTES)
    try:
        if ssh is None:
            return decode64(line, PUBLIC_KEY_BYTES)
        blob = base64.b64decode(ssh[1], validate=True)
    except (NotCanonicalError, binascii.Error) as error:
        raise KeyMaterialError(
            f"{origin} has a line that is not a public key: "
            "expected base64 of 32 bytes, or an ssh-ed25519 or allowed-signers line"
        ) from error
    if not blob.startswith(prefix):
        raise KeyMaterialError(f"{origin} has an ssh-ed25519 line whose key is not Ed25519")
    return _sized(blob.removeprefix(prefix))
