"""What the tests of Hunter scan: commits made of files, and a scanner that finds the word `bad`."""

import os
import subprocess
from pathlib import Path

from grace.ci.findings import Level, Raw
from grace.ci.scanners import Scanner

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{
        f"GIT_{who}_{what}": "a@b.c"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


def commit(folder: Path, files: dict[str, str]) -> Path:
    """Write files, make a commit of the whole folder and return it."""
    folder.mkdir(exist_ok=True, parents=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for args in (["init", "-q"], ["add", "-Af"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *args], cwd=folder, env=ENV, check=True)
    return folder


def by_words(root: Path, _limit: float) -> tuple[Raw, ...]:
    """Find the word `bad` in every file."""
    return tuple(
        Raw(
            tool="bandit",
            rule="B1",
            level=Level.ERROR,
            path=str(file.relative_to(root)),
            line=n,
            message="bad",
            anchor=line,
        )
        for file in sorted(root.rglob("*"))
        if file.is_file() and ".github" not in file.parts
        for n, line in enumerate(file.read_text().splitlines(), 1)
        if "bad" in line
    )


WORDS = (Scanner("bandit", by_words),)
