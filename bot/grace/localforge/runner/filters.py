"""GitHub's filter patterns for branches, tags and paths.

Source: "Workflow syntax for GitHub Actions", filter pattern cheat sheet. `*` stops at a slash,
`**` does not, `?` and `+` repeat what stands before them, `!` takes back an earlier match.
"""

import re
from collections.abc import Iterable, Sequence


def matches(patterns: Sequence[str], value: str) -> bool:
    """Say whether `value` is selected: the last pattern that matches decides."""
    selected = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _compile(pattern[negated:]).fullmatch(value):
            selected = not negated
    return selected


def selects_any(patterns: Sequence[str], values: Iterable[str]) -> bool:
    """Say whether at least one value is selected (`paths`)."""
    return any(matches(patterns, value) for value in values)


def ignores_all(patterns: Sequence[str], values: Iterable[str]) -> bool:
    """Say whether every value is selected (`paths-ignore`)."""
    return all(matches(patterns, value) for value in values)


_TOKEN = re.compile(r"\*\*/|\*\*|\*|\[[^\]]+\]|[?+]|\\.|.", re.DOTALL)


def _compile(pattern: str) -> re.Pattern[str]:
    """Translate one pattern without its `!`; one that makes no sense matches only itself."""
    parts: list[str] = []
    for token in _TOKEN.findall(pattern):
        match token:
            case "**/":
                parts.append("(?:.*/)?")
            case "**":
                parts.append(".*")
            case "*":
                parts.append("[^/]*")
            case "?" | "+":
                parts.append(token)
            case _ if len(token) > 1 and token.startswith("["):
                parts.append(token)
            case _:
                parts.append(re.escape(token[-1]))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))
