"""Find the markup of a Markdown text that its readers do not see, in one pass over its tokens."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from html import unescape
from typing import Final

from grace.domain.hidden_blocks import LEAD, Block, Place, blocks
from grace.domain.hidden_characters import visible


class Kind(StrEnum):
    """What is hidden."""

    COMMENT = "comment"
    CONTROL = "control"
    INVISIBLE = "invisible"
    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    TITLE = "title"
    ALT = "alt"
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
_CLOSERS: Final = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<!", ">"), ("<?", "?>"))
_TOKEN = re.compile(
    r"\\[\\\[\]]|<(?:!(?:--|\[CDATA\[|[A-Za-z])|\?|/?[A-Za-z])|!?\[|\]"
    r"|&(?:#(?:[0-9]{1,7}|[xX][0-9A-Fa-f]{1,6})|[A-Za-z][A-Za-z0-9]{1,30});"
)
# A tag in a paragraph as CommonMark has it, and in raw HTML as HTML has it: name, attribute, end.
_STRICT: Final = (
    re.compile(r"</?([A-Za-z][A-Za-z0-9-]*+)(?=[\s/>])"),
    re.compile(
        r"\s++([A-Za-z_:][A-Za-z0-9_.:-]*+)"
        r"(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'=<>`]++)))?"
    ),
    re.compile(r"\s*+/?>"),
)
_LAX: Final = (
    re.compile(r"</?([A-Za-z][^\s/>]*+)(?=[\s/>])"),
    re.compile(
        r"[\s/]*+([^\s/>][^\s/>=]*+)"
        r"(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>][^\s>]*+))|(?!\s*+=))"
    ),
    re.compile(r"[\s/]*+>"),
)
_NOT_SHOWN = re.compile(
    "applet|audio|base|canvas|datalist|embed|frame|frameset|head|iframe|link|math|meta|noembed|"
    "noframes|noscript|object|optgroup|option|param|plaintext|script|select|style|svg|template|"
    "textarea|title|video|xmp"
)
_VOID = re.compile("area|base|br|col|embed|frame|hr|img|input|link|meta|param|source|track|wbr")
# Any other name is shown by nobody, and may be a sentence.
_KNOWN = re.compile(
    "a|abbr|address|article|aside|b|bdi|bdo|big|blockquote|br|caption|center|cite|code|col|"
    "colgroup|dd|del|details|dfn|div|dl|dt|em|figcaption|figure|font|footer|h[1-6]|header|hr|i|"
    "img|ins|kbd|li|main|mark|nav|ol|p|picture|pre|q|rp|rt|ruby|s|samp|section|small|source|span|"
    "strike|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|time|tr|tt|u|ul|var|wbr"
)
_HARMLESS = re.compile("align|colspan|dir|height|href|open|rowspan|start|valign|width")
_HARMLESS_VALUE = re.compile(r"[^\s\"'<>]{0,500}")
_UNSEEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0|font-size\s*:\s*0"
    r"|(?:width|height)\s*:\s*0|clip|position\s*:\s*absolute|color",
    re.IGNORECASE,
)
_TITLE: Final = r"(?:\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\))"
_TARGET = re.compile(
    r"\(\s*+(<[^<>\n]*+>|[^\s<>()]*+(?:\([^\s()]*+\)[^\s()]*+)*+)(\s*+" + _TITLE + r")?+\s*+\)",
    re.DOTALL,
)
_DEFINITION = re.compile(
    "^" + LEAD + r"\[(?!\^)((?:[^\[\]\\]|\\.){1,999}+)\]:[ \t]*+\n?[ \t]*+(<[^<>\n]*+>|[^\s<]\S*+)"
    r"([ \t]*+\n?[ \t]*+" + _TITLE + r")?[ \t]*+$",
    re.MULTILINE | re.DOTALL,
)
_FOOTNOTE = re.compile("^[ \t>*+.-]*+" + r"\[\^([^\]\s]{1,200}+)\]:", re.MULTILINE)
_PLAIN_ALT = re.compile(r"[\w.-]{0,40}(?: [\w.-]{1,20}){0,2}")
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
            at = self._token(token, here)
        for mark in _INFO.finditer(self.text):
            here = self._block(mark.start())
            opens = here.place is not Place.CODE or here.start == mark.start()
            if opens and not _PLAIN_INFO.fullmatch(mark[1]):
                self._hide(mark.start(1), mark.end(1), Kind.INFO)
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
            return self._comment(at, block) if word[1] in "!?" else self._tag(at, block)
        elif word == "]":
            return self._closed(at, block)
        else:
            image = word[0] == "!"
            self.open.append(_Opening(token.end(), image=image))
            self.image = token.end() if image and self.image is None else self.image
        return token.end()

    def _hide(self, start: int, end: int, kind: Kind, rest: str = "") -> None:
        self.found.append(Region(start, end, kind, rest))

    def _comment(self, at: int, block: Block) -> int:
        opener, closer = next(c for c in _CLOSERS if self.text.startswith(c[0], at))
        raw = block.place is Place.RAW
        size = len(self.text)
        if not raw and (closer, block.start) in self.endless:
            return at + len(opener)
        end = self.text.find(closer, at + len(opener), size if raw else block.end)
        if end < 0 and not raw:  # shown as it is
            self.endless.add((closer, block.start))
            return at + len(opener)
        end = size if end < 0 else end + len(closer)
        self._hide(at, end, Kind.COMMENT)
        return end

    def _tag(self, at: int, block: Block) -> int:
        tag, attribute, tag_end = _LAX if block.place is Place.RAW else _STRICT
        named = tag.match(self.text, at)
        if named is None:
            return at + 2
        name, attributes, position = named[1].lower(), list[tuple[str, str]](), named.end()
        while (end := tag_end.match(self.text, position, block.end)) is None:
            found = attribute.match(self.text, position, block.end)
            if found is None:
                return self._broken(at, block)
            attributes.append((found[1].lower(), found[2] or found[3] or found[4] or ""))
            position = found.end()
        if self.text[at + 1] == "/":
            if attributes and block.place is Place.PLAIN:
                return at + 2
            return self._attributes(at, end.end(), f"</{name}>", attributes)
        if _NOT_SHOWN.fullmatch(name) or _unseen(attributes):
            after = end.end() if _VOID.fullmatch(name) else self._element_end(name, end.end())
            self._hide(at, after, Kind.ELEMENT)
            return after
        if name == "details":
            self._hide(at, end.end(), Kind.COLLAPSED)
        href = next((f' href="{v}"' for n, v in attributes if (n, name) == ("href", "a")), "")
        rest = f"<{name}{href}>" if _HARMLESS_VALUE.fullmatch(href[7:-1]) else f"<{name}>"
        return self._attributes(at, end.end(), rest, attributes)

    def _attributes(
        self, start: int, end: int, rest: str, attributes: list[tuple[str, str]]
    ) -> int:
        if _KNOWN.fullmatch(rest.strip("</>").partition(" ")[0]) is None:
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

    def _element_end(self, name: str, at: int) -> int:
        depth = 1
        tags = re.compile(rf"<(/?){re.escape(name)}(?=[\s/>])[^>]*+>?", re.IGNORECASE)
        for tag in tags.finditer(self.text, at):
            depth += -1 if tag[1] else 1
            if depth == 0:
                return tag.end()
        return len(self.text)

    def _closed(self, at: int, block: Block) -> int:
        """Handle a closing bracket: of a link, an image or a label."""
        target = _TARGET.match(self.text, at + 1, block.end)
        if not self.open:
            if target is None or self.image is None:
                return at + 1
            opening = _Opening(self.image, image=True)  # a bracket of its own text closed it
        else:
            opening = self.open.pop()
            if self.open:
                self.open[-1].nests = True
        inner = self.text[opening.at : min(at, opening.at + 1000)]
        if not opening.nests and len(inner) < 1000:  # noqa: PLR2004 - longer is no label
            self.labels.setdefault(_label(inner), []).append(opening.at)
        if target is None:
            if opening.image:
                self.pictures.append((opening.at, at, inner))
            return at + 1
        if opening.image:
            self.image = None
        if opening.image and not _PLAIN_ALT.fullmatch(inner):
            self._hide(opening.at, at, Kind.ALT)
        if target[2]:
            self._hide(target.start(2), target.end(2), Kind.TITLE)
        elif not opening.image and _tricks(inner, target[1]):
            self._hide(opening.at - 1, target.end(), Kind.LINK)
        return target.end()

    def _definitions(self) -> None:
        """Handle what is defined in one place and used in another."""
        marks = [m for m in _DEFINITION.finditer(self.text) if self._is_text(m)]
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
            if not _PLAIN_ALT.fullmatch(inner) and defined:
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


def _unseen(attributes: list[tuple[str, str]]) -> bool:
    """Tell whether an element's attributes keep it out of sight."""
    return any(
        name == "hidden"
        or (name == "style" and _UNSEEN_STYLE.search(value) is not None)
        or (name == "aria-hidden" and value == "true")
        for name, value in attributes
    )


def _tricks(words: str, target: str) -> bool:
    """Tell whether a link's words name another host than the one that it leads to."""
    said, leads = (_ADDRESS.match(t.strip(" <>`*_")[:_MAX_ADDRESS]) for t in (words, target))
    return said is not None and leads is not None and said[1].lower() != leads[1].lower()
