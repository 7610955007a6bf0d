"""One broken program of our own: what is right, how it was broken, and tests that say so."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """`program` is right; `bug` is a text of it and what stands there instead."""

    name: str
    kind: str
    program: str
    bug: tuple[str, str]
    tests: str

    @property
    def broken(self) -> str:
        before, after = self.bug
        assert self.program.count(before) == 1, self.name
        return self.program.replace(before, after)
