"""Count the tokens of a model's answers, of whole ones and of streams, in the dialects in use.

Fields: Anthropic's Messages API (`usage` of a message, of `message_start` and `message_delta`),
OpenAI's Chat Completions (`usage` of an answer or of the last chunk) and Responses API (`usage` of
a response, and of the `response` in `response.completed`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# What an answer without figures is taken for: fewer bytes a token than there are in any language.
BYTES_PER_TOKEN: Final = 3
_MAX_KEPT: Final = 32 * 1024 * 1024
_IN: Final = (
    *("input_tokens", "prompt_tokens"),
    *("cache_creation_input_tokens", "cache_read_input_tokens"),
)
_OUT: Final = ("output_tokens", "completion_tokens")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one answer used; `counted` False: the model gave no figures, and they are estimated."""

    read: int
    written: int
    counted: bool


@dataclass(slots=True)
class Meter:
    """Reads one answer as it passes by. `asked`: how many bytes the question had."""

    asked: int
    streamed: bool
    passed: int = 0
    _rest: bytearray = field(default_factory=bytearray)
    _read: int | None = None
    _written: int | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the answer."""
        self.passed += len(data)
        self._rest += data
        if not self.streamed:
            del self._rest[_MAX_KEPT:]
            return
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest[:_MAX_KEPT])
        for line in lines:
            if line.startswith(b"data:"):
                self._look(line.removeprefix(b"data:"))

    def tokens(self) -> Tokens:
        """Return what was used; to be asked once the answer has ended, or was broken off."""
        if not self.streamed:
            self._look(bytes(self._rest))
        counted = self._read is not None and self._written is not None
        read = self._read if self._read is not None else self.asked // BYTES_PER_TOKEN
        if self._written is None:
            return Tokens(read, self.passed // BYTES_PER_TOKEN, counted=False)
        return Tokens(read, self._written, counted=counted)

    def _look(self, text: bytes) -> None:
        try:
            told = json.loads(text)
        except ValueError:
            return
        if not isinstance(told, dict):
            return
        for place in (told, told.get("message"), told.get("response")):
            usage = place.get("usage") if isinstance(place, dict) else None
            if isinstance(usage, dict):
                self._take(usage)

    def _take(self, usage: Mapping[str, Any]) -> None:
        """Keep the largest figures: those of a stream grow, and its last may leave some out."""
        read = [n for name in _IN if (n := _count(usage.get(name))) is not None]
        written = [n for name in _OUT if (n := _count(usage.get(name))) is not None]
        if read:
            self._read = max(self._read or 0, sum(read))
        if written:
            self._written = max(self._written or 0, sum(written))


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if value >= 0 else None
