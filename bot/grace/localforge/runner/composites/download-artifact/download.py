# ruff: noqa: INP001, T201 - a script of a composite action; what it prints is the step's log
"""Copy artifacts of the run into the workspace."""

import os
import shutil
import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path


def main(env: Mapping[str, str]) -> int:
    """Copy one artifact by name, or those that a pattern selects."""
    artifacts = Path(env["FORGE_ARTIFACT_DIR"])
    target = Path(env["GITHUB_WORKSPACE"]) / env["FOLDER"]
    present = sorted(path for path in artifacts.iterdir() if path.is_dir())
    if env["NAME"]:
        chosen = [path for path in present if path.name == env["NAME"]]
        if not chosen:
            names = ", ".join(path.name for path in present) or "none"
            print(f"::error::there is no artifact {env['NAME']}; the run has {names}")
            return 1
    else:
        chosen = [path for path in present if fnmatchcase(path.name, env["PATTERN"] or "*")]
    target.mkdir(parents=True, exist_ok=True)
    flat = bool(env["NAME"]) or env["MERGE"] == "true"
    for artifact in chosen:
        place = target if flat else target / artifact.name
        shutil.copytree(artifact, place, dirs_exist_ok=True)
    print(f"{len(chosen)} artifacts downloaded")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
