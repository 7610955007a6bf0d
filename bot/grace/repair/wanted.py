"""What a repair is asked for, and what it answers."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


class RepairError(Exception):
    """A repair cannot begin or go on; the message says why, as a sentence for people."""


@dataclass(frozen=True, slots=True)
class RepairWanted:
    """A failing test command and the checkout that it fails in.

    `test`: the command as words (`pytest tests/test_x.py`, `python -m pytest -k wrap`,
    `python -m unittest`), or paths and node ids for pytest.
    `files`: the only files that may be changed, relative to `root`; none: all that the tests run.
    `held_back`: the share of tests that the search does not see. `pairs`: whether two edits
    together are tried where one does not do.
    """

    root: Path
    test: tuple[str, ...]
    files: tuple[str, ...] = ()
    limit_s: float = 300.0
    held_back: float = 0.3
    seed: int = 0
    workers: int = 1
    pairs: bool = True

    def __post_init__(self) -> None:
        if not self.test:
            raise RepairError("There is no test command to repair for.")
        if self.limit_s <= 0 or not 0 <= self.held_back < 1 or self.workers < 1:
            raise RepairError("A limit above 0, a share from 0 to below 1 and a worker are needed.")

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "root": str(self.root)})

    @classmethod
    def from_json(cls, text: str) -> "RepairWanted":
        """Read a request; RepairError on anything that is not one."""
        try:
            fields = json.loads(text)
            for name in ("test", "files"):
                fields[name] = tuple(str(word) for word in fields.get(name, ()))
            return cls(**{**fields, "root": Path(fields["root"])})
        except (ValueError, TypeError, KeyError, AttributeError) as wrong:
            raise RepairError(f"This is no request for a repair: {wrong}.") from wrong


@dataclass(frozen=True, slots=True)
class Repaired:
    """A patch that is plausible: every test that was there passes with it.

    `diff`: unified, with a/ and b/ paths. `held_back`: passed and total of the tests that the
    search did not see. `overfit`: False if those pass, None if there were none. `refused`: how many
    patches passed all tests that were seen and failed one held back; `first_refused`: whether the
    first patch in order was among them.
    """

    diff: str
    rationale: str
    tried: int
    seconds: float
    held_back: tuple[int, int]
    overfit: bool | None
    template: str = ""
    plausible: int = 1
    refused: int = 0
    first_refused: bool = False


@dataclass(frozen=True, slots=True)
class NoPatch:
    """Why there is no patch, in a sentence, and how much was tried."""

    reason: str
    tried: int = 0
    seconds: float = 0.0
    refused: int = 0


def to_json(ended: Repaired | NoPatch) -> str:
    """Write an answer as JSON, with `patch` saying which of the two it is."""
    return json.dumps({"patch": isinstance(ended, Repaired), **asdict(ended)})


def from_json(text: str) -> Repaired | NoPatch:
    """Read an answer; RepairError on anything that is not one."""
    try:
        fields: Mapping[str, Any] = json.loads(text)
        rest = {name: value for name, value in fields.items() if name != "patch"}
        if not fields["patch"]:
            return NoPatch(**rest)
        return Repaired(**{**rest, "held_back": tuple(rest["held_back"])})
    except (ValueError, TypeError, KeyError, AttributeError) as wrong:
        raise RepairError(f"This is no answer of a repair: {wrong}.") from wrong
