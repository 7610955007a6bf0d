"""Trees and blobs of a repository by GitHub's git data API, compared and rewritten by their ids.

A tree is asked for with all that is below it, which is one call; where GitHub cuts that short
(more than 100,000 entries or 7 MB), folders are asked for one by one as they are needed. Ids are
computed here, so an answer that does not hold together is found. Source: GitHub Docs, "REST API
endpoints for Git trees" and "... for Git blobs".
"""

import base64
import binascii
from collections import defaultdict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final

from pydantic import Field

from grace.adapters.github.payloads import Lenient, fit
from grace.adapters.github.session import Session, on
from grace.domain.mission import MissionRef
from grace.domain.objects import FOLDER, TreeEntry, blob_id, tree_id
from grace.domain.patch_reading import PathChange
from grace.domain.results import Sha
from grace.ports import ForgeRefused, ForgeUnavailable

MAX_FILE_BYTES: Final = 4 * 1024 * 1024

Folder = Mapping[str, TreeEntry]


class _Entry(Lenient):
    path: Annotated[str, Field(min_length=1)]
    mode: Annotated[str, Field(pattern=r"^[0-7]{6}$")]
    sha: Sha
    size: int = 0


class _Tree(Lenient):
    tree: tuple[_Entry, ...]
    truncated: bool = False


class _Blob(Lenient):
    content: str
    encoding: str


class PathBlocked(Exception):
    """A file cannot be where a folder is, nor a folder where a file is."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Trees:
    """Read one repository's trees and blobs; what was read once is not read again."""

    def __init__(self, session: Session, ref: MissionRef) -> None:
        self._session = session
        self._ref = ref
        self._roots: dict[str, str] = {}
        self._folders: dict[str, Folder] = {}
        self._sizes: dict[str, int] = {}

    async def root(self, commit: str) -> str:
        """Return the id of a commit's tree, with all that is below it: one call."""
        if commit not in self._roots:
            listed = await self._read(commit, recursive=True)
            if listed.truncated:
                listed = await self._read(commit, recursive=False)
            self._roots[commit] = self._keep(listed)
        return self._roots[commit]

    async def entry(self, root: str, path: str) -> TreeEntry | None:
        """Return what is at a path below a tree."""
        folder, (*above, name) = await self._folder(root), path.split("/")
        for part in above:
            found = folder.get(part)
            if found is None or not found.is_folder:
                return None
            folder = await self._folder(found.sha)
        return folder.get(name)

    async def changes(self, old: str, new: str) -> list[PathChange]:
        """List the paths of files in which two trees differ, sorted; a rename is two."""
        before, after = TreeEntry(FOLDER, old), TreeEntry(FOLDER, new)
        return sorted(await self._changes("", before, after), key=lambda change: change.path)

    async def replaced(self, root: str, files: Mapping[str, TreeEntry | None]) -> str:
        """Compute the id of a tree with other files in it, None for one that goes.

        Nothing is written. Raises PathBlocked.
        """
        return tree_id(await self._replaced("", await self._folder(root), files))

    async def blob(self, sha: str, path: str) -> bytes:
        """Read a file's content: one call. One that is too large is refused before it is read."""
        if self._sizes.get(sha, 0) > MAX_FILE_BYTES:
            raise ForgeRefused(
                f"{path} has more than {MAX_FILE_BYTES} bytes; commit with git to change it",
                HTTPStatus.UNPROCESSABLE_ENTITY,
            )
        ref = self._ref
        request = on(ref, "read blob", "GET /git/blobs/{sha}", sha=sha)
        found = fit(_Blob, (await self._session.call(ref, request)).data, request.purpose)
        content = decoded(found.content, found.encoding)
        if blob_id(content) != sha:
            raise ForgeUnavailable(f"GitHub's answer to {request.purpose} is not the blob {sha}")
        return content

    def size(self, sha: str) -> int:
        """Return how large a listed blob is."""
        return self._sizes.get(sha, 0)

    async def _read(self, treeish: str, *, recursive: bool) -> _Tree:
        ref = self._ref
        call = "GET /git/trees/{sha}" + ("{?recursive}" if recursive else "")
        request = on(ref, "read tree", call, sha=treeish, recursive=1)
        answer = await self._session.call(ref, request)
        found = fit(_Tree, answer.data, request.purpose)
        if found.truncated and not recursive:
            raise ForgeRefused(
                f"GitHub lists only a part of a folder of {self._ref.repository}; commit with git",
                HTTPStatus.UNPROCESSABLE_ENTITY,
            )
        return found

    def _keep(self, listed: _Tree) -> str:
        """Keep every folder of a listing by its id; return the id of the uppermost."""
        folders: defaultdict[str, dict[str, TreeEntry]] = defaultdict(dict)
        ids: dict[str, str] = {}
        for item in listed.tree:
            above, _, name = item.path.rpartition("/")
            folders[above][name] = TreeEntry(item.mode, item.sha)
            self._sizes[item.sha] = item.size
            if item.mode == FOLDER:
                ids[item.path] = item.sha
        ids[""] = tree_id(folders[""])
        for path, entries in folders.items():
            if path in ids and tree_id(entries) == ids[path]:
                self._folders[ids[path]] = entries
        return ids[""]

    async def _folder(self, sha: str) -> Folder:
        if sha not in self._folders:
            found = self._keep(await self._read(sha, recursive=False))
            if found != sha:
                raise ForgeUnavailable(f"GitHub's answer to read tree is not the tree {sha}")
        return self._folders[sha]

    async def _changes(
        self, path: str, old: TreeEntry | None, new: TreeEntry | None
    ) -> list[PathChange]:
        if old == new:
            return []
        files = tuple(None if side is None or side.is_folder else side for side in (old, new))
        found = [PathChange(path, *files)] if any(files) else []
        before = await self._folder(old.sha) if old is not None and old.is_folder else {}
        after = await self._folder(new.sha) if new is not None and new.is_folder else {}
        for name in before.keys() | after.keys():
            below = f"{path}/{name}" if path else name
            found += await self._changes(below, before.get(name), after.get(name))
        return found

    async def _replaced(
        self, prefix: str, folder: Folder, files: Mapping[str, TreeEntry | None]
    ) -> Folder:
        kept = {
            name: entry
            for name, entry in folder.items()
            if entry.is_folder or files.get(name, entry) is not None
        }
        below: defaultdict[str, dict[str, TreeEntry | None]] = defaultdict(dict)
        for path, entry in files.items():
            name, slash, rest = path.partition("/")
            if slash:
                below[name][rest] = entry
        for name, inner in below.items():
            there = kept.pop(name, None)
            if there is not None and not there.is_folder:
                raise PathBlocked(f"{prefix}{name}")
            old = await self._folder(there.sha) if there is not None else {}
            made = await self._replaced(f"{prefix}{name}/", old, inner)
            if made:
                kept[name] = TreeEntry(FOLDER, tree_id(made))
        for name, entry in files.items():
            if "/" not in name and entry is not None:
                if name in kept and kept[name].is_folder:
                    raise PathBlocked(f"{prefix}{name}")
                kept[name] = entry
        return kept


def decoded(content: str, encoding: str) -> bytes:
    """Decode what GitHub sends of a blob."""
    if encoding != "base64":
        return content.encode()
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ForgeUnavailable("GitHub sent a file whose base64 is broken") from error
