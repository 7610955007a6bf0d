"""What a fork server looks at in its own process: which lines run, with what, and what lives."""

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType
from typing import Any

# A line's variables are looked at only the first times that it runs.
LOOKS = 4
# Of an object's fields so many are looked at.
FIELDS = 30

Json = dict[str, Any]


@dataclass(slots=True)
class Watch:
    """Which lines of the suspects run, and of what types their variables were."""

    root: str
    suspects: frozenset[str]
    lines: dict[str, dict[int, int]] = field(default_factory=dict)
    types: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    names: dict[str, str | None] = field(default_factory=dict)

    def relative(self, file: str) -> str | None:
        """Say which suspect a file is, relative to the root; None if it is none."""
        if file not in self.names:
            path = os.path.relpath(os.path.realpath(file), self.root) if file[:1] != "<" else ""
            self.names[file] = path if path in self.suspects else None
        return self.names[file]

    def call(self, frame: FrameType, event: str, _argument: object) -> Any:
        """Trace a frame only if its file is a suspect."""
        file = self.relative(frame.f_code.co_filename)
        if event != "call" or file is None:
            return None
        seen = self.lines.setdefault(file, {})

        def line(frame: FrameType, event: str, _argument: object) -> Any:
            if event in {"line", "return"}:
                count = seen.get(frame.f_lineno, 0)
                seen[frame.f_lineno] = count + 1
                if count < LOOKS or event == "return":
                    self.look(file, frame)
            return line

        return line

    def look(self, file: str, frame: FrameType) -> None:
        """Note the types of a frame's variables, by the first line of its code."""
        if frame.f_code.co_name == "<module>":
            return
        types = self.types.setdefault(f"{file}:{frame.f_code.co_firstlineno}", {})
        for name, value in frame.f_locals.items():
            types.setdefault(name, set()).add(type(value).__name__)
            if name == "self":
                for field_, held in list(getattr(value, "__dict__", {}).items())[:FIELDS]:
                    types.setdefault(f"self.{field_}", set()).add(type(held).__name__)

    def told(self) -> Json:
        """Return what was seen, as JSON."""
        return {
            "lines": {file: sorted(seen) for file, seen in self.lines.items()},
            "types": {
                where: {name: sorted(kinds) for name, kinds in names.items()}
                for where, names in self.types.items()
            },
        }


def functions_of(suspects: frozenset[str], root: str) -> dict[tuple[str, str, int], list[Any]]:
    """Find every function that lives, by file, name and first line of its code."""
    found: dict[tuple[str, str, int], list[Any]] = {}
    real: dict[str, str] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType:
            code = thing.__code__
            name = code.co_filename
            if name not in real:
                real[name] = os.path.relpath(os.path.realpath(name), root)
            if real[name] in suspects:
                key = (real[name], code.co_name, code.co_firstlineno)
                found.setdefault(key, []).append(thing)
    return found


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Walk all code below a code object."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes_in(constant)
