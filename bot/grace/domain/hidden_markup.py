"""Find the markup of a Markdown text that its readers do not see, in one pass over its tokens."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from html import unescape
from typing import Final

from grace.domain.hidden_blocks import LEAD, Block, Place, blocks
from grace.domain.hidden_characters import visible
from grace.domain.hidden_elements import (
    KNOWN,
    NOT_SHOWN,
    VOID,
    element_end,
    names_none,
    read_tag,
    unseen_by,
)
from grace.domain.hidden_tables import surplus


class Kind(StrEnum):
    """What is hidden."""

    COMMENT = "comment"
    CONTROL = "control"
    INVISIBLE = "invisible"
    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    TITLE = "title"
    ALT = "alt"
    CELL = "cell"
    DEFINITION = "definition"
    BLANK = "blank"
    COLLAPSED = "collapsed"
    LINK = "link"
    DRAWN = "drawn"
    INFO = "info"


KEPT: Final = frozenset({Kind.COLLAPSED, Kind.LINK, Kind.DRAWN})
"""What a reader can look at by a click, or by asking for the source."""


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """A piece of text that is hidden, and what stays when it is cut."""

    start: int
    end: int
    kind: Kind
    rest: str = ""


MAX_BROKEN: Final = 30  # tags that never end; a text with more is built against its readers
_MARGIN: Final = 3  # spaces in front of a line that do not make code of it
_CLOSERS: Final = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<!", ">"), ("<?", "?>"), ("</", ">"))
_BARE: Final = ("<!", "</")  # what only HTML reads as a comment
_EARLY: Final = ("<![CDATA[", "<?")  # what HTML ends at the first `>`
_TOKEN = re.compile(
    r"\\[\\\[\]]|<(?:!(?:--|\[CDATA\[|[A-Za-z])?+|\?|/?[A-Za-z]|/)|!?\[|\]"
    r"|&(?:#(?:[0-9]{1,7}|[xX][0-9A-Fa-f]{1,6})|[A-Za-z][A-Za-z0-9]{1,30});"
)
_HARMLESS = re.compile("align|colspan|dir|height|href|open|rowspan|start|valign|width")
_HARMLESS_VALUE = re.compile(r"[^\s\"'<>]{0,500}")
_TITLE: Final = r"(?:\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\))"
_ANGLED: Final = r"<(?:\\.|[^<>\n\\])*+>"
_BARE_TARGET: Final = r"(?!<)(?:\\[()]|[^\s()]|\((?:\\[()]|[^\s()]|\((?:\\[()]|[^\s()])*+\))*+\))*+"
_TARGET = re.compile(rf"\(\s*+({_ANGLED}|{_BARE_TARGET})(\s*+{_TITLE})?+\s*+\)", re.DOTALL)
_DEEP_TARGET = re.compile(rf"\(\s*+(\S++)(\s++{_TITLE})\s*+\)", re.DOTALL)
_DEFINITION = re.compile(
    "^"
    + LEAD
    + r"\[(?!\^[^\]\s]{1,200}+\])((?:[^\[\]\\]|\\.){1,999}+)\]:[ \t]*+\n?[ \t]*+("
    + _ANGLED
    + r"|[^\s<]\S*+)"
    r"([ \t]*+\n?[ \t]*+" + _TITLE + r")?[ \t]*+$",
    re.MULTILINE | re.DOTALL,
)
_FOOTNOTE = re.compile("^[ \t>*+.-]*+" + r"\[\^([^\]\s]{1,200}+)\]:", re.MULTILINE)
_PLAIN_ALT = re.compile(r"[\w.-]{0,40}(?: [\w.-]{1,20}){0,2}")
_QUOTE = re.compile(r"^[ \t*+\-\d.)]*+>", re.MULTILINE)
_LEAD = re.compile(LEAD)
_INDENT = re.compile(" {4}|\t")
_EMPTY = re.compile(r"\n[ \t>]*+\n")
_HTML = re.compile(f"^{LEAD}<", re.MULTILINE)
# Raw HTML that may end in the middle of a paragraph.
_ENDING = re.compile(
    rf"^{LEAD}<(?:[!?]|/?(?:pre|script|style|textarea)(?=[\s>]|$))", re.IGNORECASE | re.MULTILINE
)
_BEGINS = re.compile(r"[-+*>#=~`|<_:]|\d{1,9}[.)]")  # a block of its own
_LEADS = re.compile(r"^[ \t>]++", re.MULTILINE)
_ADDRESS = re.compile(
    r"(?:https?://)?((?:[\w-]{1,63}\.){1,9}[A-Za-z]{2,20})(?=[/:?#]|$)", re.IGNORECASE
)
_MAX_ADDRESS: Final = 300
_INFO = re.compile("^" + LEAD + r"(?:`{3,}+(?=[^`\n]*$)|~{3,}+)([^\n]*)$", re.MULTILINE)
_PLAIN_INFO = re.compile(r"[ \t]*+[\w+#./-]{0,30}(?:[ \t]++name=[\w.-]{1,80})?[ \t]*+")
_DRAWN: Final = frozenset({"geojson", "math", "mermaid", "stl", "topojson"})


def hidden_regions(text: str) -> tuple[tuple[Region, ...], tuple[Region, ...]]:
    """List what is to be cut, in order and apart from each other, and what is only to be told."""
    found = _Reader(text).read()
    told = tuple(sorted(region for region in found if region.kind in KEPT))
    cut: list[Region] = []
    for region in sorted((r for r in found if r.kind not in KEPT), key=lambda r: (r.start, -r.end)):
        if not cut or region.start >= cut[-1].end:
            cut.append(region)
        elif region.end > cut[-1].end:
            cut[-1] = Region(cut[-1].start, region.end, cut[-1].kind)
    return tuple(cut), told


@dataclass(slots=True)
class _Opening:
    at: int
    image: bool
    nests: bool = False


@dataclass(slots=True)
class _Reader:
    text: str
    flat: str = ""  # the same without the marks of quotations
    quoted: int = 0
    blocks: tuple[Block, ...] = ()
    starts: list[int] = field(default_factory=list)
    found: list[Region] = field(default_factory=list)
    open: list[_Opening] = field(default_factory=list)
    image: int | None = None
    labels: dict[str, list[int]] = field(default_factory=dict)
    pictures: list[tuple[int, int, str]] = field(default_factory=list)
    broken: int = 0
    endless: set[tuple[str, int]] = field(default_factory=set)

    def read(self) -> list[Region]:
        self.flat = _LEADS.sub(lambda lead: " " * len(lead[0]), self.text)
        self.blocks = blocks(self.text)
        self.starts = [block.start for block in self.blocks]
        self.found += [
            Region(b.start, b.end, Kind.DRAWN) for b in self.blocks if b.language in _DRAWN
        ]
        at, block = 0, None
        while (token := _TOKEN.search(self.text, at)) is not None:
            here = self._block(token.start())
            if here.place is Place.CODE:
                at = here.end
                continue
            if here is not block:
                block, self.open, self.image = here, [], None
                mark = _QUOTE.search(self.text, here.start, here.end)
                self.quoted = mark.start() if mark else here.end
            at = self._token(token, here)
        for mark in _INFO.finditer(self.text):
            here = self._block(mark.start())
            opens = here.place is not Place.CODE or here.start == mark.start()
            if opens and not _PLAIN_INFO.fullmatch(mark[1]):
                self._hide(mark.start(1), mark.end(1), Kind.INFO)
        self.found += [
            Region(start, end, Kind.CELL) for start, end in surplus(self.text, self.blocks)
        ]
        self._definitions()
        return self.found

    def _block(self, at: int) -> Block:
        return self.blocks[bisect_right(self.starts, at) - 1]

    def _token(self, token: re.Match[str], block: Block) -> int:
        """Handle one token; return where to go on."""
        word, at = token[0], token.start()
        if word[0] == "\\":
            pass
        elif word[0] == "&":
            if not visible(unescape(word)):
                self._hide(at, token.end(), Kind.INVISIBLE)
        elif word[0] == "<":
            if word in _BARE and block.place is not Place.RAW:
                return token.end()
            comment = word[1] in "!?" or word in _BARE
            end = self._comment(at, block) if comment else self._tag(at, block)
            return self._inner(at, end)
        elif word == "]":
            return self._closed(at, block)
        else:
            image = word[0] == "!"
            self.open.append(_Opening(token.end(), image=image))
            self.image = token.end() if image and self.image is None else self.image
        return token.end()

    def _hide(self, start: int, end: int, kind: Kind, rest: str = "") -> None:
        self.found.append(Region(start, end, kind, rest))

    def _source(self, at: int, block: Block) -> str:
        """Return the text as what begins at `at` reads it: in a quotation without its marks."""
        return self.text if block.place is Place.RAW and at < self.quoted else self.flat

    def _comment(self, at: int, block: Block) -> int:
        opener, closer = next(c for c in _CLOSERS if self.text.startswith(c[0], at))
        raw, size = block.place is Place.RAW, len(self.text)
        if not raw and (closer, block.start) in self.endless:
            return at + len(opener)
        end = self._source(at, block).find(closer, at + len(opener), size if raw else block.end)
        if end < 0 and not raw:  # shown as it is
            self.endless.add((closer, block.start))
            return at + len(opener)
        ended = (
            end >= 0
            and self._level(at, end)
            and not (opener in _EARLY and "<" in self._early(at, end))
        )
        self._hide(at, end + len(closer) if ended else size, Kind.COMMENT)
        return self.found[-1].end

    def _early(self, at: int, end: int) -> str:
        """Return what HTML has behind the end of what Markdown has whole."""
        return self.text[at:end].partition(">")[2]

    def _level(self, at: int, end: int) -> bool:
        """Tell whether the lines from `at` to `end` stand in the containers of the first one."""
        if self.text.find("\n", at, end) < 0:
            return True
        margin = self.text.rfind("\n", 0, at) + 1
        begun = self._block(at).start
        if _EMPTY.search(self.text, at, end) and _HTML.search(self.text, begun, margin):
            return False
        first = self.text[margin:at]
        lines = self.text[at:end].split("\n")[1:]
        front = _LEAD.match(first)
        marks = " \t>" if front is not None and ">" in front[0] else " \t"
        if front is not None and front.end() < len(first):  # in a paragraph
            return not any(_BEGINS.match(line.lstrip(marks)) for line in lines)
        if len(first) <= _MARGIN and not first.strip():
            return True
        lead = re.sub(r"[^>]", " ", first)
        return all(line.startswith(lead) or not (line + lead).strip() for line in lines)

    def _inner(self, at: int, end: int) -> int:
        """Return where to go on behind a tag or comment: in it, if it may hold markup."""
        inner = self.text.find("<", at + 1, end)
        if inner < 0 or end == len(self.text):
            return end
        if not self.text.startswith("<!--", at):
            return inner
        begun, words = self._block(at).start, self.text[at + 4 : end - 3]
        odd = words.startswith((">", "->")) or "--" in words or words.endswith("-")
        linked = any(self.text.find(link, begun, at) >= 0 for link in ("](", "]:"))
        cut = self.text[at - 1 : at] == "\\" or "`" in words or "|" in words
        return inner if odd or linked or cut else end

    def _tag(self, at: int, block: Block) -> int:
        raw = block.place is Place.RAW
        if not raw and names_none(self.text, at):
            return at + 2
        found = read_tag(self._source(at, block), at, block.end, raw=raw)
        if found is None and not raw:  # the marks may be text
            found = read_tag(self.text, at, block.end, raw=raw)
        if found is None:
            return self._broken(at, block)
        name, attributes, end = found
        mixed = raw and "\n" in self.text[at:end] and _ENDING.search(self.text, block.start, end)
        if mixed or (raw and not self._level(at, end)):
            return self._broken(at, block)
        if self.text[at + 1] == "/":
            if attributes and block.place is Place.PLAIN:
                return at + 2
            return self._attributes(at, end, f"</{name}>", attributes)
        if NOT_SHOWN.fullmatch(name) or unseen_by(attributes):
            after = end
            if not VOID.fullmatch(name):
                after = element_end(self.text, name, end, self._reach(at, end, block))
            self._hide(at, after, Kind.ELEMENT)
            if self.image is not None and self.text.find("]", at, after) >= 0:
                self._hide(self.image, at, Kind.ALT)  # its end is cut along
            return after
        if name == "details":
            self._hide(at, end, Kind.COLLAPSED)
        href = next((f' href="{v}"' for n, v in attributes if (n, name) == ("href", "a")), "")
        rest = f"<{name}{href}>" if _HARMLESS_VALUE.fullmatch(href[7:-1]) else f"<{name}>"
        return self._attributes(at, end, rest, attributes)

    def _attributes(
        self, start: int, end: int, rest: str, attributes: list[tuple[str, str]]
    ) -> int:
        if KNOWN.fullmatch(rest.strip("</>").partition(" ")[0]) is None:
            self._hide(start, end, Kind.ATTRIBUTE)
        elif not all(
            _HARMLESS.fullmatch(n) and _HARMLESS_VALUE.fullmatch(v) for n, v in attributes
        ):
            self._hide(start, end, Kind.ATTRIBUTE, rest)
        return end

    def _broken(self, at: int, block: Block) -> int:
        """Go past a tag that does not end; in raw HTML it takes along what follows."""
        self.broken += 1
        if block.place is Place.RAW or self.broken > MAX_BROKEN:
            self._hide(at, len(self.text), Kind.ELEMENT)
            return len(self.text)
        return at + 2

    def _reach(self, start: int, end: int, block: Block) -> int:
        """Return up to where what follows a tag is read as the tag is, on any reading.

        That is its line, or the paragraph that it begins as raw HTML: no other block of Markdown
        can begin in these.
        """
        line = self.text.find("\n", end, block.end)
        if line < 0:
            return block.end
        begins = block.place is Place.RAW and start == block.start
        return block.end if begins and not self.text[end:line].strip() else line

    def _closed(self, at: int, block: Block) -> int:
        """Handle a closing bracket: of a link, an image or a label."""
        here = (self.flat, at + 1, block.end)
        target = _TARGET.match(*here) or _DEEP_TARGET.match(*here)
        if not self.open:
            if target is None or self.image is None:
                return at + 1
            opening = _Opening(self.image, image=True)  # a bracket of its own text closed it
        else:
            opening = self.open.pop()
            if self.open:
                self.open[-1].nests = True
        inner = self.text[opening.at : min(at, opening.at + 1000)]
        if not opening.nests and self._is_link(opening.at, block) and len(inner) < 1000:  # noqa: PLR2004 - longer is no label
            self.labels.setdefault(_label(inner), []).append(opening.at)
        if target is None:
            if opening.image:
                self.pictures.append((opening.at, at, inner))
            return at + 1
        if opening.image:
            self.image = None
        if opening.image and not _PLAIN_ALT.fullmatch(inner.strip()):
            self._hide(opening.at, at, Kind.ALT)
        if target[2]:
            self._hide(target.start(2), target.end(2), Kind.TITLE)
        elif not opening.image and _tricks(inner, target[1]):
            self._hide(opening.at - 1, target.end(), Kind.LINK)
        return target.end()

    def _is_link(self, at: int, block: Block) -> bool:
        """Tell whether brackets are neither in code nor in HTML, on any reading."""
        lead = _LEAD.match(self.text, self.text.rfind("\n", 0, at) + 1)
        code = self.text.find("`", block.start, at) >= 0 and self.text.find("`", at, block.end) >= 0
        return not (block.place is Place.RAW or code or (lead and _INDENT.search(lead[0])))

    def _definitions(self) -> None:
        """Handle what is defined in one place and used in another."""
        marks = [m for m in _DEFINITION.finditer(self.flat) if self._is_text(m)]
        used = self._used([(m.start(), m.end()) for m in marks])
        defined = set[str]()
        for mark in marks:
            label = _label(mark[1])
            if label not in used or label in defined:  # of two, the first one counts
                self._hide(mark.start(), mark.end(), Kind.DEFINITION)
            elif mark[3]:
                self._hide(mark.start(3), mark.end(3), Kind.TITLE)
            defined.add(label)
        for start, end, inner in self.pictures:
            if not _PLAIN_ALT.fullmatch(inner.strip()) and defined:
                self._hide(start, end, Kind.ALT)
        self._footnotes()

    def _footnotes(self) -> None:
        notes = [(m, self._note_end(m)) for m in _FOOTNOTE.finditer(self.text) if self._is_text(m)]
        used = self._used([(mark.start(), end) for mark, end in notes])
        for mark, end in notes:
            if _label(f"^{mark[1]}") not in used:
                self._hide(mark.start(), end, Kind.DEFINITION)

    def _used(self, spans: list[tuple[int, int]]) -> set[str]:
        """Return the labels that stand somewhere outside of `spans`, which are in order."""
        starts = [start for start, _ in spans]
        ends = [0, *(end for _, end in spans)]
        return {
            name
            for name, places in self.labels.items()
            if any(at >= ends[bisect_right(starts, at)] for at in places)
        }

    def _note_end(self, mark: re.Match[str]) -> int:
        """Return where a footnote ends: before a line at the margin that an empty one precedes."""
        after = re.compile(r"\n(?=\[\^)|\n[ \t]*+\n(?=[^ \t\n])").search(self.text, mark.end())
        return len(self.text) if after is None else after.start()

    def _is_text(self, mark: re.Match[str]) -> bool:
        return self._block(mark.start()).place is not Place.CODE


def _label(text: str) -> str:
    return " ".join(text.split()).casefold()


def _tricks(words: str, target: str) -> bool:
    """Tell whether a link's words name another host than the one that it leads to."""
    said, leads = (_ADDRESS.match(t.strip(" <>`*_")[:_MAX_ADDRESS]) for t in (words, target))
    return said is not None and leads is not None and said[1].lower() != leads[1].lower()
