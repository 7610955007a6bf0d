"""How words become Markdown or terminal text: a stranger's words stay data.

They become one line, a code span or a code block; they cannot mention people, open headings, or
close our markers.
"""

import re
from collections.abc import Callable

from grace.domain.mission import Mission
from grace.domain.verdict import Condition, Result

ICON = {
    Result.PASS: "pass",
    Result.FAIL: "FAIL",
    Result.PENDING: "wait",
    Result.NO_DATA: "NO DATA",
    Result.SKIPPED: "skip",
    Result.DEFERRED: "later",
}
ZERO_WIDTH_SPACE = "\u200b"


def marker(mission: Mission, surface: str) -> str:
    """Make the hidden line by which a comment or issue of ours is found again."""
    return f"<!-- grace:{mission.uid}:{surface} -->"


def one_line(text: str, limit: int = 120) -> str:
    """Make a stranger's text one line without control characters, for a terminal or a title."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:limit]


def unlinked(text: str, gap: str = ZERO_WIDTH_SPACE) -> str:
    """Break what a forge acts on in any text: mentions, references to issues, addresses.

    `Fix: #7` in a subject, or `closes` and an issue's address, would close an issue of others.
    In a commit message, where nothing invisible stays, the `gap` is a plain space.
    """
    return re.sub(r"(?<=[@#])(?=\w)|(?<=:)(?=//)|(?<=\bGH)(?=-\d)", gap, text)


def inline(text: str, limit: int = 120) -> str:
    """Make a stranger's text one harmless line of Markdown."""
    line = re.sub(r"([\\`*_~&\[\]<>|#]|(?<=<)!)", r"\\\1", one_line(text, limit))
    return unlinked(line)


def code(text: str, limit: int = 200) -> str:
    """Put a stranger's text in a code span that it cannot leave."""
    words = one_line(text, limit).replace("`", "'") or " "  # two backticks alone open a span
    return f"`{_unmarked(words)}`"


def quoted(text: str, limit: int = 2000) -> str:
    """Put a stranger's text in a block that it cannot leave; a NUL no forge would take."""
    longest = max((len(m) for m in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    shown = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", text[:limit]).strip()
    return f"{fence}text\n{_unmarked(shown)}\n{fence}"


def _unmarked(text: str) -> str:
    """Keep code from holding a marker: ours are looked for in the source of a comment."""
    return text.replace("<!--", "<! --")


def tree(condition: Condition, depth: int = 0, text: Callable[[str, int], str] = inline) -> str:
    """Render a verdict tree as a list; the same on every surface.

    `text` makes strangers' words harmless: `inline` for Markdown, `one_line` for a terminal.
    """
    who = f" — {text(condition.who, 120)}" if condition.who and not condition.passes else ""
    words = f"{text(condition.name, 120)}: {text(condition.reason, 300)}"
    line = f"{'  ' * depth}- **{ICON[condition.result]}** {words}{who}"
    return "\n".join([line, *(tree(c, depth + 1, text) for c in condition.children)])


def leaves(condition: Condition) -> str:
    """Say in one line what every leaf of a tree says."""
    if not condition.children:
        return f"{condition.name}: {condition.reason}"
    return "; ".join(leaves(child) for child in condition.children)


def why(condition: Condition) -> str:
    """Say in one sentence what holds a mission back, and who can change it."""
    held = condition.holding()
    if held is None:
        return "Nothing holds it back."
    who = f" It is changed by {held.who}." if held.who else ""
    return one_line(f"{ICON[held.result]}: {held.name}: {held.reason}.{who}", 600)
