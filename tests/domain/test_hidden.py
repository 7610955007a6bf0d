"""A program never reads more of a stranger's Markdown than the person who read it rendered."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from grace.domain.hidden import (
    KEPT,
    MAX_LINES,
    Hidden,
    Kind,
    describe,
    find_hidden,
    strip_characters,
    strip_hidden,
)
from support.never_shown import NEVER_SHOWN

FENCE = "```"

CUT = {
    "comment": ("a <!-- x --> b", "a  b", Kind.COMMENT),
    "comment over lines": ("a\n<!-- x\n\ny -->\nb", "a\n\n\n\nb", Kind.COMMENT),
    "comment without end": ("a\n\n<!-- x\n\ny", "a\n\n\n\n", Kind.COMMENT),
    "comment without end in raw HTML": ("<p>a <!-- x\n\ny", "<p>a \n\n", Kind.COMMENT),
    "comment around a fence": (f"<!--\n{FENCE}\nx\n{FENCE}\n-->\nb", "\n\n\n\n\nb", Kind.COMMENT),
    "comment in a list": ("- <!-- x\n- y", "- \n", Kind.COMMENT),
    "comment in a task": ("- [ ] <!-- x\n\ny", "- [ ] \n\n", Kind.COMMENT),
    "comment in an irregular fence": (f" {FENCE}\na\n<!-- x -->", f" {FENCE}\na\n", Kind.COMMENT),
    "comment behind a list's fence": (
        f"- a\n  {FENCE}\n  b\n<!-- x -->",
        f"- a\n  {FENCE}\n  b\n",
        Kind.COMMENT,
    ),
    "comment in a fence that raw HTML swallows": (
        f"<div>\n{FENCE}\n<!-- x -->\n{FENCE}\n</div>",
        f"<div>\n{FENCE}\n\n{FENCE}\n</div>",
        Kind.COMMENT,
    ),
    "comment in <pre>": (
        f"<pre>\n\n{FENCE}\n<!-- x -->\n{FENCE}",
        f"<pre>\n\n{FENCE}\n\n{FENCE}",
        Kind.COMMENT,
    ),
    "declaration": ("a <!x y> b", "a  b", Kind.COMMENT),
    "instruction": ("a <?x y?> b", "a  b", Kind.COMMENT),
    "character data": ("a <![CDATA[x]]> b", "a  b", Kind.COMMENT),
    "escape sequence": ("a\x1b[31mb", "a[31mb", Kind.CONTROL),
    "form feed": ("a\x0cb", "a b", Kind.CONTROL),
    "line separator": ("a\u2028b", "a b", Kind.CONTROL),
    "zero width": ("ig\u200bno\u2060re", "ignore", Kind.INVISIBLE),
    "zero width in a fence": (
        f"{FENCE}\na\u200bb\n{FENCE}",
        f"{FENCE}\nab\n{FENCE}",
        Kind.INVISIBLE,
    ),
    "direction": ("a\u202eb\u2066c", "abc", Kind.INVISIBLE),
    "tags": ("a\U000e0069\U000e0067b", "ab", Kind.INVISIBLE),
    "selectors": ("a\ufe01\U000e0101\ufe0fb", "ab", Kind.INVISIBLE),
    "private use": ("a\ue000b", "ab", Kind.INVISIBLE),
    "filler": ("a\u3164\u2800b", "ab", Kind.INVISIBLE),
    "joiner without pictures": ("a\u200db \U0001f600\u200dc", "ab \U0001f600c", Kind.INVISIBLE),
    "character reference": ("a&#x200b;&ZeroWidthSpace;b", "ab", Kind.INVISIBLE),
    "hidden element": ("a <b hidden>x <b>y</b> z</b> c", "a  c", Kind.ELEMENT),
    "element without end": ("a <i style='display: none'>x\n\ny", "a \n\n", Kind.ELEMENT),
    "script": ("a <script>x</script> b", "a  b", Kind.ELEMENT),
    "hidden from assistants": ("a <i aria-hidden=true>x</i> b", "a  b", Kind.ELEMENT),
    "hidden image": ("a <img hidden src=x> b", "a  b", Kind.ELEMENT),
    "tag without end in raw HTML": ('<div title="x>\n\ny', "\n\n", Kind.ELEMENT),
    "image's attributes": ('<img alt="x y" src="z">', "<img>", Kind.ATTRIBUTE),
    "link's attributes": ('<a href="u" title="x y">b</a>', '<a href="u">b</a>', Kind.ATTRIBUTE),
    "link's long address": ('<a href="u v">b</a>', "<a>b</a>", Kind.ATTRIBUTE),
    "attributes of a closing tag": ("<p>a</b x y>", "<p>a</b>", Kind.ATTRIBUTE),
    "names of XML": ('<div>\n<a:b title="x y">', "<div>\n", Kind.ATTRIBUTE),
    "sentence for a name": ("a <ignore-all> b </ignore-all/>", "a  b ", Kind.ATTRIBUTE),
    "picture": (
        '<picture><source srcset="x y"></picture>',
        "<picture><source></picture>",
        Kind.ATTRIBUTE,
    ),
    "title": ('[a](u "x \\" y")', "[a](u)", Kind.TITLE),
    "alt": ("![x y z, ignore](u)", "![](u)", Kind.ALT),
    "alt with brackets": ("![a [b] ![c, d, e](f) g, h](u)", "![](u)", Kind.ALT),
    "alt with code": ("![a, `]` b](u)", "![](u)", Kind.ALT),
    "alt around an element": ("![a <object>](u)", "![", Kind.ALT),
    "alt by reference": ("![a, b, c][u]\n\n[u]: v", "![][u]\n\n[u]: v", Kind.ALT),
    "words behind a fence": (f"{FENCE}py x y\na\n{FENCE}", f"{FENCE}\na\n{FENCE}", Kind.INFO),
    "words behind a list's fence": (f"- {FENCE} x y\n  a", f"- {FENCE}\n  a", Kind.INFO),
    "unused definition": ("a\n\n[x]: # (y z)\nb", "a\n\n\nb", Kind.DEFINITION),
    "unused definition over lines": ("[//]:\n#\n'x\ny'\n\nb", "\n\n\n\n\nb", Kind.DEFINITION),
    "second definition": ("[x]\n\n[x]: u\n[x]: v\na", "[x]\n\n[x]: u\n\na", Kind.DEFINITION),
    "comment that begins in a definition": ("[x]: y<!--\nz -->a", "\na", Kind.DEFINITION),
    "title of a definition": ("[x]\n\n[x]: u 'y z'", "[x]\n\n[x]: u", Kind.TITLE),
    "unused footnote": ("a\n\n[^x]: y [^x]\n\n    z\n\nb", "a\n\n\n\n\n\nb", Kind.DEFINITION),
    "title in a quotation": ("> [a](u\n> 'w')", "> [a](u\n)", Kind.TITLE),
    "title behind brackets": ('[a](u\\) "w")', "[a](u\\))", Kind.TITLE),
    "title behind deep brackets": ('[a](u((((v)))) "w")', "[a](u((((v)))))", Kind.TITLE),
    "tag over lines of a quotation": ("> <b\n> hidden>w", "> \n", Kind.ELEMENT),
    "cells beyond a table's columns": (
        "|a|\n|-|\n|b|w|\n|c \\| d|\n| e |\n\nf | g",
        "|a|\n|-|\n|b|\n|c \\| d|\n| e |\n\nf | g",
        Kind.CELL,
    ),
    "cells of a table without edges": (
        "- a | b\n  --|:-:\n  c | d | w",
        "- a | b\n  --|:-:\n  c | d |",
        Kind.CELL,
    ),
    "parentheses of ruby": ("<ruby>a<rp>w</rp></ruby>", "<ruby>a</ruby>", Kind.ELEMENT),
    "tag at the end of raw HTML": ("<p>a <b", "<p>a ", Kind.ELEMENT),
    "tag that a deep mark ends": ("a <w\n    > b", "a \n b", Kind.ATTRIBUTE),
    "tag over lines of raw HTML": ("<div\n title='w'\n>a", "<div>\n\na", Kind.ATTRIBUTE),
    "bogus comment of HTML": ("<p>a <![w> b </1 w> c", "<p>a  b  c", Kind.COMMENT),
    "definition of a caret": ("[^]: w", "", Kind.DEFINITION),
    "definition used in code": ("`[x]`\n\n[x]: w", "`[x]`\n\n", Kind.DEFINITION),
    "tag that a line of raw HTML cuts": ("<b\n<textarea>w", "\n", Kind.ELEMENT),
    "tag behind raw HTML that ends in its line": (
        "<!x>\n<a b='\n'>w",
        "\n\n",
        Kind.ELEMENT,
    ),
    "comment that HTML ends earlier": ("a <![CDATA[> <select> ]]>w", "a ", Kind.COMMENT),
    "comment that HTML ends at once": ("a <!--> <select> -->w", "a ", Kind.COMMENT),
    "comment behind a backslash": ("a \\<!-- <select> -->w", "a \\", Kind.COMMENT),
    "comment that ends in another list": ("- <!-- a\nb -->w", "- \n", Kind.COMMENT),
    "comment that ends in its list": ("- <!-- a\n  b -->c", "- \nc", Kind.COMMENT),
    "comment that a list cuts": ("a <!-- b\n- c -->w", "a \n", Kind.COMMENT),
    "comment over empty lines of raw HTML": ("<p>\n<!--\n\n-->w", "<p>\n\n\n", Kind.COMMENT),
    "comment below a line": ("a\n<!-- b\n\nc -->\nd", "a\n\n\n\nd", Kind.COMMENT),
    "raw HTML over lines": ("<video>\n<b>x</b>\n</video>\na", "\n\n\na", Kind.ELEMENT),
    "element that a list cuts": ("a <video>\n- </video>w", "a \n", Kind.ELEMENT),
    "element of elements": ("a <select><option>x</option></select> b", "a  b", Kind.ELEMENT),
    "element of elements of another kind": ("a <video><p></video>w", "a ", Kind.ELEMENT),
    "long blank": (f"a{' ' * 500}b", f"a{' ' * 16}b", Kind.BLANK),
    "many empty lines": ("a" + "\n" * 90 + "b", "a\n\n\nb", Kind.BLANK),
}

LEFT = {
    "prose": "Fix the mesh: 3 < 4 && a <b and 5 > 2, see [1] & [x](https://a.test/b?c=1&d=2).\n",
    "fence": f'{FENCE}html\n<!-- x --> <img alt="x y">\n[x]: u "y z"\n{FENCE}\nb',
    "fence without end": f"a\n~~~\n<!-- x -->\n{FENCE}\n",
    "fence of a candidate": f"{FENCE}diff name=patch-1.x\n-a\n+b\n{FENCE}",
    "fence in a fence": f"{FENCE}{FENCE}\n{FENCE}a b c d\n{FENCE}{FENCE}",
    "code in a line": f"{FENCE}a b c d{FENCE}",
    "fence in a list": f"1. a\n   {FENCE}\n   <!-- x -->\n\n   {FENCE}\nb",
    "two fences": f"{FENCE}\n    {FENCE}\n<!-- x -->\n{FENCE}\na\n{FENCE}\n<!-- y -->\n{FENCE}",
    "comment that is text": "a <!-- b <!-- c\n\nd -->",
    "emoji": "\u2764\ufe0f \U0001f468\u200d\U0001f469 \U0001f44d\U0001f3fd \u2714\ufe0f",
    "other scripts": "naïve Ünïcödé 日本語 हिन्दी עברית",
    "plain HTML": '<b>a</b> <br> <td colspan="2"> <a href="https://a.test">b</a>',
    "autolinks": "<https://a.test/b> <ada@a.test>",
    "screenshot": "![image](https://a.test/b.png) ![screen shot 1.png](u)",
    "not an image": "![a, b, c] and ![d, e, f][g]",
    "used definitions": "a [b] c[^1]\n\n[b]: https://a.test\n[^1]: d\n\ne",
    "task list": "- [x] done\n- [ ] open",
    "character references": "&lt;b&gt; &amp; &nbsp; &#10; &unheard;",
    "escaped brackets": "\\[a\\](u 'b') \\\\ c",
    "tags that are none": "a <b c='<b'd=e> f </b g> <b =c> <b/c> <b c= >",
    "tag that does not end": "a <b c='d\n\ne",
    "tag of no name": "</1> <b <!1>",
    "table": "|a|b|\n|-|-|\n|c|d|\n|e|\n|f \\| g|h|\n",
    "lines that are no table": "a | b\n---\nc | d | e\n",
    "other lines that are no table": "|a|b|\n|-|\n|c|d|e|\n",
}


@pytest.mark.parametrize("name", CUT)
def test_what_readers_do_not_see_is_told_and_cut(name):
    text, left, kind = CUT[name]
    assert kind in {hidden.kind for hidden in find_hidden(text)}
    assert strip_hidden(text) == left
    assert not {hidden.kind for hidden in find_hidden(left)} - KEPT


@pytest.mark.parametrize("name", LEFT)
def test_what_readers_see_stays(name):
    assert find_hidden(LEFT[name]) == ()
    assert strip_hidden(LEFT[name]) == LEFT[name]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<details><summary>a</summary>\n\nb\n\n</details>", Kind.COLLAPSED),
        ("see [https://good.test/a](https://evil.test/a)", Kind.LINK),
        (f"{FENCE}mermaid\ngraph TD %% x\n{FENCE}", Kind.DRAWN),
    ],
)
def test_what_readers_can_look_at_is_told_and_stays(text, kind):
    assert [hidden.kind for hidden in find_hidden(text)] == [kind]
    assert strip_hidden(text) == text


def test_links_that_lead_where_they_say_are_not_told():
    assert find_hidden("[a.test](https://A.test/b) [b.test]( <http://b.test> ) [c](d.test)") == ()


def test_each_find_has_its_line_and_an_excerpt():
    text = "a\r\n\u200b\u200bb\x00\n<!-- ignore\n`this` -->\n\U000e0068\U000e0069\n![a, b, c](u)"
    assert find_hidden(text) == (
        Hidden(Kind.CONTROL, 2, "U+0000"),
        Hidden(Kind.INVISIBLE, 2, "U+200B U+200B"),
        Hidden(Kind.COMMENT, 3, "<!-- ignore `this` -->"),
        Hidden(Kind.INVISIBLE, 5, "hi"),
        Hidden(Kind.ALT, 6, "a, b, c"),
    )


def test_the_description_is_bounded_and_cannot_be_left():
    found = find_hidden("\n".join("<!-- `x` @all -->" for _ in range(30)) + "\n" + " " * 500)
    lines = describe(found)
    assert lines[0] == "line 1 has an HTML comment that readers do not see: `<! -- 'x' @all -->`"
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "and 21 more"
    assert describe([Hidden(Kind.BLANK, 3, "")]) == [
        "line 3 has a blank so long that it pushes text out of sight"
    ]
    assert {Kind(kind) for kind in Kind} == {
        kind for kind in Kind if describe([Hidden(kind, 1, "x")])
    }


def test_code_keeps_its_markup_and_loses_what_is_invisible():
    assert strip_characters("<!-- a\u200b -->\r\n") == "<!-- a -->\n"


def test_a_text_that_grows_back_is_defused():
    text = "<!-- 0 -->"
    for n in range(1, 12):
        text = f"<!{text}-- {n} -->"
    text = f"a {text}"
    once = strip_hidden(text)
    assert once.count("<") == 0
    assert strip_hidden(once) == once
    assert find_hidden(once) == ()
    assert len(find_hidden(text)) > 5


WORDS = st.integers(0, 99).map("w{}q".format)
MARKS = st.sampled_from(
    [
        *("<!--", "-->", "<!-->", "<!x", "<?", "?>", "<![CDATA[", "]]>", ">", "<", '"', "'", "`"),
        *("```", "\n```\n", "\n~~~\n", " ```", "\n  ```\n", "\n    ```\n", "```\n", "``"),
        *(
            "\n",
            "\n",
            "\n\n",
            "\n\n",
            " ",
            " ",
            "    ",
            "\t",
            "- ",
            "\n- ",
            "\n> ",
            "1. ",
            "| ",
            "# ",
        ),
        *("<div>", "\n<div>\n", "</div>", "<pre>", "</pre>", "<b hidden>", "</b>", "<script>"),
        *("</script>", '<div title="', "<a b='", '<img alt="', '">', "'>", "<b>", "<style>"),
        *("[", "]", "![", "](", ")", "](u", '"', " (", "[x]", "\n[x]: u ", "\n[x]:", ": ", "\\"),
        *("\u200b", "\u202e", "\x00", "\U000e0041", "\ufe0f", "\u200d", "\U0001f600", "&#x200b;"),
        *(
            "<title>",
            "</title>",
            "<xmp>",
            "<plaintext>",
            "<select>",
            "</select>",
            "<svg>",
            "</svg>",
        ),
        *("\\</script>", "&lt;/script>", "&#60;/style>", "</style>", "</script x>", "<template>"),
        *("|", "\n|-|\n", "\n| - \n", "</template>", "\n    ", "<textarea>", "</textarea>"),
        *("&#x", ";", "[^1]", "\n[^1]: ", "<details>", "\n<details>\n", "[ ] ", "\x0c", "é"),
    ]
)
NASTY = st.lists(st.one_of(WORDS, MARKS, MARKS), max_size=40).map("".join)


@given(NASTY)
@settings(max_examples=300, deadline=None)
def test_nothing_is_left_to_find_and_stripping_twice_is_stripping_once(text):
    once = strip_hidden(text)
    assert strip_hidden(once) == once
    assert not {hidden.kind for hidden in find_hidden(once)} - KEPT
    assert once.count("\n") <= text.count("\n") + text.count("\r")
    assert all(h.excerpt.isprintable() and len(h.excerpt) <= 80 for h in find_hidden(text))
    assert all(1 <= h.line <= text.count("\n") + text.count("\r") + 1 for h in find_hidden(text))


class Seen(HTMLParser):
    """Collect the text of a page that a person sees."""

    def __init__(self):
        super().__init__()
        self.text = []
        self.unseen = []

    def handle_starttag(self, tag, attrs):
        if tag in {"textarea", "title", "xmp"} and not self.unseen:
            self.set_cdata_mode(tag)
        if tag in NEVER_SHOWN and (not self.unseen or self.unseen[0] == tag):
            self.unseen.append(tag)

    def handle_endtag(self, tag):
        if self.unseen and self.unseen[0] == tag != "plaintext":
            self.unseen.pop()

    def handle_data(self, data):
        if not self.unseen:
            self.text.append(data)


def words_seen(text):
    seen = Seen()
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    seen.feed(re.sub("<!--+>", "<!---->", html))  # HTML ends these at once, its parser does not
    seen.close()
    links = re.findall(r'(?:href|src|class)="([^"]*)"', html)
    return set(re.findall(r"w\d+q", " ".join([*seen.text, *links])))


@given(NASTY)
@settings(max_examples=300, deadline=None)
def test_no_word_is_left_that_the_rendered_text_does_not_show(text):
    left = set(re.findall(r"w\d+q", strip_hidden(text)))
    plain_alt = {
        w for alt in re.findall(r"!\[([\w. -]*)\]", text) for w in re.findall(r"w\d+q", alt)
    }
    assert left <= words_seen(strip_characters(text)) | plain_alt


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="<[&")))
def test_plain_text_is_left_as_it_is(text):
    assert strip_hidden(text) == text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r")))
def test_a_text_without_markup_loses_only_what_is_invisible(text):
    assert set(strip_characters(text)) <= set(text) | {" "}


@pytest.mark.parametrize(
    "part",
    [
        *(
            "<!--",
            "<a ",
            '<a b="',
            "<a b='<",
            "![",
            "](",
            '](x "',
            "](x (",
            "[^a]: ",
            "[a]: b 'c\n",
        ),
        *("<!<!-- -->", "<div>\n", "- ```\n", "\n```\n", "<b hidden>", "<svg></svg>", "&#x200b;"),
        *("[^a]\n[^a]: b\n\n", "\u200b", "\n", " ", "<!-- -->", "[", "]", "<x:", "\n<!-- \n"),
        *("<a =", "~~~\n", "``` x y\n", "[^a]: b\n\n", "[a]: b\n\n[a]\n\n"),
    ],
)
def test_hostile_texts_take_no_longer_than_others(part):
    text = part * (65_536 // len(part))
    began = time.process_time()
    strip_hidden(text)
    assert time.process_time() - began < 5
