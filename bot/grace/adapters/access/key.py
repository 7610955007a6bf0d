"""The key that seals cookies: made at the first start, for its owner alone."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from grace.adapters.access.errors import AccessError

_LEAST: Final = 32  # characters
_LIMIT: Final = 4096


def session_key(path: Path) -> bytes:
    """Read the key, or make one where there is none; AccessError says what is wrong."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return _load(path)
    except OSError as error:
        raise AccessError(f"the session key {path} cannot be made: {error.strerror}") from error
    text = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    return text.encode()


def given_key(text: str, origin: str) -> bytes:
    """Check a key that somebody chose."""
    stripped = text.strip()
    if len(stripped) < _LEAST:
        raise AccessError(f"{origin} is too short to seal sessions: give {_LEAST} characters")
    return stripped.encode()


def _load(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(_LIMIT).decode("utf-8", "replace")
    except OSError as error:
        raise AccessError(f"the session key {path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise AccessError(
            f"{path} can be read by others than its owner, or is no file: delete it; a new key is "
            "made at the next start, and everybody signs in again"
        )
    return given_key(text, str(path))
