# ruff: noqa: INP001, T201 - a script of a composite action; what it prints is the step's log
"""Copy the files a job names into the artifact folder of its run.

As GitHub's action does: one folder gives its content, several paths keep their places below the
deepest folder they share.
"""

import glob
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path


def selected(workspace: Path, patterns: list[str], *, hidden: bool) -> tuple[list[Path], Path]:
    """Return the files that the patterns select and the folder their places are relative to."""
    files: set[Path] = set()
    roots: list[Path] = []
    for pattern in patterns:
        negated = pattern.startswith("!")
        found: set[Path] = set()
        places = glob.glob(  # noqa: PTH207 - absolute patterns and hidden files
            str(workspace / pattern.removeprefix("!")), recursive=True, include_hidden=hidden
        )
        for place in map(Path, places):
            inside = place.rglob("*") if place.is_dir() else (place,)
            found |= {
                path
                for path in inside
                if path.is_file()
                and not path.is_symlink()
                and (hidden or not _hidden(path, workspace))
            }
            if not negated:
                roots.append(place if place.is_dir() else place.parent)
        files = files - found if negated else files | found
    root = Path(os.path.commonpath(roots)) if roots else workspace
    return sorted(files), root


def _hidden(path: Path, workspace: Path) -> bool:
    parts = path.relative_to(workspace).parts if path.is_relative_to(workspace) else (path.name,)
    return any(part.startswith(".") for part in parts)


def main(env: Mapping[str, str]) -> int:
    """Copy and say how many files there were."""
    name = env["NAME"]
    if not re.fullmatch(r"(?!\.)[^\\/:*?\"<>|\r\n]+", name):
        print(f"::error::{name!r} is not a name for an artifact")
        return 1
    patterns = [line.strip() for line in env["PATHS"].splitlines() if line.strip()]
    workspace = Path(env["GITHUB_WORKSPACE"])
    files, root = selected(workspace, patterns, hidden=env["HIDDEN"] == "true")
    if not files:
        level = {"error": "error", "ignore": "notice"}.get(env["WITHOUT_FILES"], "warning")
        print(f"::{level}::no files were found at {', '.join(patterns)}")
        return int(level == "error")
    target = Path(env["FORGE_ARTIFACT_DIR"]) / name
    if target.exists():
        if env["OVERWRITE"] != "true":
            print(f"::error::the run has an artifact {name} already")
            return 1
        shutil.rmtree(target)
    for file in files:
        place = target / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    print(f"{len(files)} files uploaded as artifact {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
