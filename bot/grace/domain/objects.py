"""Ids of git's objects, computed without git. SHA-1, as every repository at GitHub has it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FOLDER: Final = "040000"


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """What a tree holds under one name: six digits of mode, and an object's id."""

    mode: str
    sha: str

    @property
    def is_folder(self) -> bool:
        return self.mode == FOLDER


def blob_id(content: bytes) -> str:
    """Return the id of a blob."""
    return _object_id(b"blob", content)


def tree_id(entries: Mapping[str, TreeEntry]) -> str:
    """Return the id of the tree with these names; git sorts a folder as if it ended in `/`."""
    rows = sorted((_sorted_as(name, entry), name, entry) for name, entry in entries.items())
    content = b"".join(
        b"%s %s\0%s" % (entry.mode.lstrip("0").encode(), _bytes(name), bytes.fromhex(entry.sha))
        for _, name, entry in rows
    )
    return _object_id(b"tree", content)


def _sorted_as(name: str, entry: TreeEntry) -> bytes:
    return _bytes(name) + b"/" * entry.is_folder


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _object_id(kind: bytes, content: bytes) -> str:
    data = b"%s %d\0%s" % (kind, len(content), content)
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
