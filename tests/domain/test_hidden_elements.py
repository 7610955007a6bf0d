"""Where an element ends that readers do not see: only at an end tag that is one on any reading."""

import pytest

from grace.domain.hidden import Kind, find_hidden, strip_hidden
from support.never_shown import NEVER_SHOWN


@pytest.mark.parametrize("name", NEVER_SHOWN)
@pytest.mark.parametrize(
    "closer",
    [
        *("", "\\</{0}>", "&lt;/{0}>", "&#60;/{0}&#62;", "`</{0}>`", "[a](</{0}>)"),
        *('[a](u "</{0}>")', "![</{0}>](u)", "<!-- </{0}> -->", "<? </{0}>", "</{0}", "</ {0}>"),
        *("</{0} x>", "</{0}-x>", "</{0}\n>", "\n\n    </{0}>", "\n\n~~~\n</{0}>\n~~~\n"),
        *("\n\n[x]: </{0}>\n\n", "<a b='</{0}>'>", "<table><td></{0}>", "<p></{0}>", "<{0}></{0}>"),
    ],
)
def test_an_element_whose_end_tag_may_be_text_goes_on(name, closer):
    text = f"a <{name}>{closer.format(name)} w"
    assert strip_hidden(text).strip() == "a"
    assert Kind.ELEMENT in {hidden.kind for hidden in find_hidden(text)}


@pytest.mark.parametrize("name", sorted({*NEVER_SHOWN} - {"plaintext"}))
def test_an_element_ends_at_its_end_tag(name):
    assert strip_hidden(f"a <{name}>w <b x='y'>w</b></{name.upper()} > b") == "a  b"


def test_the_end_tag_of_a_script_is_written_in_plain_letters():
    assert strip_hidden("a <script></\u017fcript>w") == "a "
