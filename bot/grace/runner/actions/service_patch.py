"""Patches that actions end in: made once, and kept with their run."""

import difflib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.service_target import Notes

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


def patch_of(path: str, before: Sequence[str], after: Sequence[str], *, new: bool = False) -> str:
    """Write the change of one file as git does; lines keep their ends."""
    if not _PATH.fullmatch(path) or ".." in path.split("/"):
        raise ActionFailed("a patch names a plain path within the repository")
    head = f"diff --git a/{path} b/{path}\n" + ("new file mode 100644\n" if new else "")
    source = "/dev/null" if new else f"a/{path}"
    told = difflib.unified_diff(list(before), list(after), source, f"b/{path}")
    return head + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in told
    )


def keep_patch(situation: Situation, found: Found) -> Found:
    """Keep what an action ends in, so that asked again it answers the same."""
    kept = {"sentence": found.sentence, "values": dict(found.values), "diff": found.diff}
    path = _file(situation)
    partial = path.with_suffix(".part")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    Notes(situation).write(made=True)
    return found


def kept_patch(situation: Situation) -> Found | None:
    """Read what this step ended in before; None where it has not."""
    try:
        kept = json.loads(_file(situation).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return Found(holds=True, sentence=kept["sentence"], values=kept["values"], diff=kept["diff"])


def _file(situation: Situation) -> Path:
    name = re.sub(r"[^A-Za-z0-9-]+", "_", situation.key)
    return situation.folder / f"{name}.patch.json"
