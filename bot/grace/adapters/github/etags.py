"""What GitHub answered to reads, by ETag: an answer that did not change costs no request."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ENTRIES: Final = 1000
_BYTES: Final = 16 * 2**20
_LARGEST: Final = 2**20


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it came."""

    etag: str
    headers: Mapping[str, str]
    body: bytes


class Memory:
    """The answers used last, bounded in number and bytes. A key is (installation, URL)."""

    def __init__(self, entries: int = _ENTRIES, size: int = _BYTES) -> None:
        self._entries = entries
        self._size = size
        self._held = 0
        self._kept: OrderedDict[tuple[int, str], Kept] = OrderedDict()

    def get(self, key: tuple[int, str]) -> Kept | None:
        """Return an answer and count it as used."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def keep(self, key: tuple[int, str], headers: Mapping[str, str], body: bytes) -> None:
        """Remember an answer that has an ETag; forget those unused longest."""
        self.forget(key)
        etag = headers.get("etag")
        if not etag or len(body) > _LARGEST:
            return
        self._kept[key] = Kept(etag, headers, body)
        self._held += len(body)
        while len(self._kept) > self._entries or self._held > self._size:
            self.forget(next(iter(self._kept)))

    def forget(self, key: tuple[int, str]) -> None:
        """Remember an answer no longer: it could not be read."""
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._held -= len(gone.body)
