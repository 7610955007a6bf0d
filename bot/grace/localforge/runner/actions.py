"""Which folders stand in for the actions that a workflow uses, and where they are laid out."""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grace.localforge.runner import document
from grace.localforge.runner.errors import WorkflowInvalid
from grace.localforge.runner.workflow import step_uses

COMPOSITES = ("checkout", "upload-artifact", "download-artifact", "setup-python")
_REMOTE = re.compile(r"([\w.-]+/[\w.-]+)((?:/[\w.-]+)*)@([\w./-]+)")
_HEAVY = shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__", "*.pyc")


@dataclass(frozen=True, slots=True, order=True)
class ActionRef:
    """One `uses: repository/path@ref`; `path` is empty for an action at the root."""

    repository: str
    path: str
    ref: str


def own_composites() -> Mapping[str, Path]:
    """Return the composites of this package that stand in for GitHub's own actions."""
    root = Path(__file__).parent / "composites"
    own = {f"actions/{name}": root / name for name in COMPOSITES}
    return {**own, "github/codeql-action": root / "codeql-action"}


def resolve(
    uses: Iterable[str], folders: Mapping[str, Path], checkout: Path | None = None
) -> frozenset[ActionRef]:
    """Return every action reached from `uses`, composites' own steps included.

    `checkout` is where `uses: ./path` is looked up; such an action is not followed where it is
    None or has no file there yet. Raises `WorkflowInvalid` for an action that no folder serves.
    """
    found: set[ActionRef] = set()
    seen: set[str] = set()
    pending = list(uses)
    while pending:
        used = pending.pop()
        if used in seen:
            continue
        seen.add(used)
        if used.startswith("./"):
            pending.extend(_nested(checkout / used) if checkout else ())
            continue
        ref = _parse(used, folders)
        found.add(ref)
        folder = folders[ref.repository] / ref.path
        if not any((folder / name).is_file() for name in ("action.yml", "action.yaml")):
            raise WorkflowInvalid(f"`uses: {used}`: there is no action.yml at `{ref.path}`")
        pending.extend(_nested(folder))
    return frozenset(found)


def lay_out(
    refs: Iterable[ActionRef], folders: Mapping[str, Path], target: Path
) -> Mapping[str, Path]:
    """Copy what the actions need below `target`; return act's `OWNER/NAME@REF` to folder.

    Only the top folder of each used path is copied: act copies the whole folder again for every
    step, and a checkout with its environment would be hundreds of megabytes.
    """
    laid: dict[str, Path] = {}
    for ref in sorted(refs):
        place = target / ref.repository.replace("/", "__")
        top = ref.path.partition("/")[0]
        source = folders[ref.repository] / top
        if not (place / top).exists() or not top:
            shutil.copytree(source, place / top, ignore=_HEAVY, dirs_exist_ok=True)
        laid[f"{ref.repository}@{ref.ref}"] = place
    return laid


def _parse(used: str, folders: Mapping[str, Path]) -> ActionRef:
    match = _REMOTE.fullmatch(used)
    if match is None:
        raise WorkflowInvalid(f"`uses: {used}` is not OWNER/NAME@REF or ./PATH")
    repository, path, ref = match[1], match[2].strip("/"), match[3]
    if repository not in folders or ".." in path.split("/"):
        known = ", ".join(sorted(folders))
        raise WorkflowInvalid(f"`uses: {used}` is not available here; available are {known}")
    return ActionRef(repository, path, ref)


def _nested(folder: Path) -> Iterator[str]:
    for name in ("action.yml", "action.yaml"):
        file = folder / name
        if file.is_file():
            values = document.construct(document.compose(file.read_bytes()))
            runs = document.mapping(values.get("runs"), f"`runs` of {name}")
            steps = runs.get("steps") or []
            if isinstance(steps, list):
                yield from step_uses([document.mapping(step, "a step") for step in steps])
