"""Strangers' texts on a page: rendered, escaped, and with nothing hidden in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

# What changes the order of what is read, or is not seen: shown by its number. Behind `#` and `@` a
# space without width is how people keep a name from calling somebody; it hides nothing there.
_UNSEEN: Final = re.compile(
    "(?<![#@])\u200b|[\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0b-\x1f\x7f]"
)
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_LINKED: Final = re.compile(
    r"(?<![\w&/])#(?P<number>[1-9]\d{0,8})\b|(?P<url>https?://[^\s<>\"'`]+[\w/#])"
)
_HUNK: Final = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
MAX_LINES: Final = 1500


def visible(text: object) -> str:
    """Return a text with characters that hide or reorder others replaced by their number."""
    return _UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", str(text).replace("\r", ""))


def log_text(text: str) -> str:
    """Return a log without the colours of a terminal."""
    return visible(_ANSI.sub("", text))


def short(sha: object) -> str:
    """Return the first characters of a commit's name."""
    return str(sha)[:7]


def moment(text: str | None) -> str:
    """Return an ISO moment as people read it, in UTC."""
    if not text:
        return ""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


class Markdown:
    """CommonMark with tables; HTML in it is shown as text, but for comments, which vanish."""

    def __init__(self) -> None:
        self._parser = MarkdownIt("commonmark", {"html": True, "breaks": True})
        self._parser.enable(["table", "strikethrough"])
        self._parser.disable("image")
        self._parser.add_render_rule("html_block", _html)
        self._parser.add_render_rule("html_inline", _html)
        self._parser.add_render_rule("link_open", _link)
        self._parser.add_render_rule("th_open", _cell)
        self._parser.add_render_rule("td_open", _cell)
        self._parser.add_render_rule("text", _text)

    def __call__(self, text: str | None, base: str = "") -> Markup:
        """Render a text; nothing in it can become markup of its own.

        `#4` leads to issue 4 of the repository whose page is `base`.
        """
        rendered = self._parser.render(visible(text or ""), {"base": base})
        return Markup(rendered)  # noqa: S704 - made by the renderer, which escapes every text


def _html(
    _self: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    _env: EnvType,
) -> str:
    text = str(escape(_COMMENT.sub("", tokens[index].content).strip()))
    return f"<p>{text}</p>\n" if text and tokens[index].block else text


def _text(
    _self: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    _options: OptionsDict,
    env: EnvType,
) -> str:
    """Render words; addresses and numbers of issues outside a link become links."""
    before = [token.type for token in tokens[:index]]
    text = tokens[index].content
    if before.count("link_open") > before.count("link_close"):
        return str(escape(text))
    parts, at = [], 0
    for found in _LINKED.finditer(text):
        number, url = found["number"], found["url"]
        if number is not None and not env["base"]:
            continue
        place = url or f"{env['base']}/issues/{number}"
        link = Markup('<a href="{}" rel="nofollow noopener noreferrer">{}</a>')
        parts += [escape(text[at : found.start()]), link.format(place, found[0])]
        at = found.end()
    return str(Markup("").join([*parts, escape(text[at:])]))


def _link(
    self: Any, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    tokens[index].attrSet("rel", "nofollow noopener noreferrer")
    return str(self.renderToken(tokens, index, options, env))


def _cell(
    self: Any, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """Open a cell; how it is set is a class, for the pages' policy allows no style in place."""
    style = str(tokens[index].attrs.pop("style", ""))
    if style:
        tokens[index].attrSet("class", style.replace(":", "-"))
    return str(self.renderToken(tokens, index, options, env))


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff with its numbers before and after."""

    kind: Literal["hunk", "added", "removed", "same", "note"]
    text: str
    old: int | None = None
    new: int | None = None


def diff_lines(patch: str) -> list[DiffLine]:
    """Number the lines of a unified diff without its head, as the API carries it."""
    lines: list[DiffLine] = []
    old = new = 0
    for line in patch.split("\n"):
        mark, text = line[:1], line[1:]
        if found := _HUNK.match(line):
            old, new = int(found[1]), int(found[2])
            lines.append(DiffLine("hunk", line))
        elif mark == "+":
            lines.append(DiffLine("added", text, None, new))
            new += 1
        elif mark == "-":
            lines.append(DiffLine("removed", text, old, None))
            old += 1
        elif mark == "\\":
            lines.append(DiffLine("note", line))
        else:
            lines.append(DiffLine("same", text, old, new))
            old, new = old + 1, new + 1
        if len(lines) >= MAX_LINES:
            return [*lines, DiffLine("note", "The rest of this diff is too long to show.")]
    return lines
