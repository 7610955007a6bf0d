"""Tell which HTML elements readers do not see, and where they end."""

import re
from typing import Final, NamedTuple

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
NOT_SHOWN = re.compile(
    "applet|audio|base|canvas|datalist|dialog|embed|frame|frameset|head|iframe|link|math|meta|meter|"
    "noembed|noframes|noscript|object|optgroup|option|param|plaintext|progress|rp|script|select|"
    "style|svg|template|textarea|title|video|xmp"
)
# What can stand between an element's tags and not keep its end tag from ending it.
_CALM = re.compile(
    "a|abbr|b|bdi|bdo|big|br|cite|code|del|dfn|em|embed|font|hr|i|img|ins|kbd|mark|option|param|q|s|"
    "samp|small|source|span|strike|strong|sub|sup|time|track|tt|u|var|wbr"
)
# A tag that is one on any reading, or what may make text of the tags behind it.
_BETWEEN = re.compile(
    r"<(/?)([a-z][a-z0-9-]*+)((?:[ \t]++[a-z_:][a-z0-9_:.-]*+"
    r"(?:=(?:\"[^\"<>`\\|\[\n]*+\"|'[^'<>`\\|\[\n]*+'|[^\s\"'=<>`\\|\[]++))?+)*+[ \t]*+/?)>"
    r"|<(?=[a-z/!?])|[`\\|\[$]|~~~|:-|-:",
    re.IGNORECASE | re.ASCII,
)
VOID = re.compile("area|base|br|col|embed|frame|hr|img|input|link|meta|param|source|track|wbr")
# Any other name is shown by nobody, and may be a sentence.
KNOWN = re.compile(
    "a|abbr|address|article|aside|b|bdi|bdo|big|blockquote|br|caption|center|cite|code|col|"
    "colgroup|dd|del|details|dfn|div|dl|dt|em|figcaption|figure|font|footer|h[1-6]|header|hr|i|"
    "img|ins|kbd|li|main|mark|nav|ol|p|picture|pre|q|rt|ruby|s|samp|section|small|source|span|"
    "strike|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|time|tr|tt|u|ul|var|wbr"
)
_UNSEEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0|font-size\s*:\s*0"
    r"|(?:width|height)\s*:\s*0|clip|position\s*:\s*absolute|color",
    re.IGNORECASE,
)


class Tag(NamedTuple):
    """A tag as it is read; `end` is behind it."""

    name: str
    attributes: list[tuple[str, str]]
    end: int


def names_none(text: str, at: int) -> bool:
    """Tell whether no tag of Markdown can begin at `at`."""
    return _STRICT[0].match(text, at) is None


def read_tag(text: str, at: int, stop: int, *, raw: bool) -> Tag | None:
    """Read a tag that ends before `stop`, as HTML or as a paragraph of Markdown has it."""
    tag, attribute, tag_end = _LAX if raw else _STRICT
    named = tag.match(text, at)
    if named is None:
        return None
    attributes, position = list[tuple[str, str]](), named.end()
    while (end := tag_end.match(text, position, stop)) is None:
        found = attribute.match(text, position, stop)
        if found is None:
            return None
        attributes.append((found[1].lower(), found[2] or found[3] or found[4] or ""))
        position = found.end()
    return Tag(named[1].lower(), attributes, end.end())


def element_end(text: str, name: str, at: int, reach: int) -> int:
    """Return where an element ends on any reading, or the end of the text.

    Up to `reach` what follows its tag at `at` is read as the tag is.
    """
    depth = 1
    for tag in _BETWEEN.finditer(text, at, reach):
        inner = (tag[2] or "").lower()
        if inner == name != "plaintext":
            depth += -1 if tag[1] and not tag[3].strip() else 1
            if depth == 0:
                return tag.end()
        elif not _CALM.fullmatch(inner):
            break
    return len(text)


def unseen_by(attributes: list[tuple[str, str]]) -> bool:
    """Tell whether an element's attributes keep it out of sight."""
    return any(
        name == "hidden"
        or (name == "style" and _UNSEEN_STYLE.search(value) is not None)
        or (name == "aria-hidden" and value == "true")
        for name, value in attributes
    )
