"""Programs about texts, each with one bug."""

from support.broken.case import Case

TEXT_CASES = (
    Case(
        "slug",
        "missing call",
        '''
import re


def slug(title):
    """Make a title fit for an address."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    return "-".join(words)
''',
        ("title.lower()", "title"),
        """
import pytest
from slug import slug


@pytest.mark.parametrize(("title", "expected"), [
    ("hello", "hello"), ("a b", "a-b"), ("Hello World", "hello-world"),
    ("  x  1 ", "x-1"), ("ABC", "abc"), ("C3PO, really", "c3po-really"), ("", ""),
])
def test_slug(title, expected):
    assert slug(title) == expected
""",
    ),
    Case(
        "key_values",
        "missing call",
        """
def parse(text):
    found = {}
    for line in text.split("\\n"):
        if not line.strip() or line.startswith("#"):
            continue
        key, value = line.split("=", 1)
        found[key.strip()] = value.strip()
    return found
""",
        ("value.strip()", "value"),
        """
from key_values import parse


def test_one():
    assert parse("a=1") == {"a": "1"}


def test_spaces():
    assert parse("a = 1") == {"a": "1"}


def test_more():
    assert parse("a = 1\\n# note\\n\\nb=2 ") == {"a": "1", "b": "2"}


def test_two_signs():
    assert parse("a=b=c") == {"a": "b=c"}


def test_trailing():
    assert parse("x= y z ") == {"x": "y z"}
""",
    ),
    Case(
        "runs",
        "missing statement",
        """
def encode(text):
    if not text:
        return []
    runs = []
    current, count = text[0], 1
    for letter in text[1:]:
        if letter == current:
            count += 1
        else:
            runs.append((current, count))
            current = letter
            count = 1
    runs.append((current, count))
    return runs
""",
        ("            count = 1\n", ""),
        """
from runs import encode


def test_nothing():
    assert encode("") == []


def test_one_run():
    assert encode("aaa") == [("a", 3)]


def test_two_runs():
    assert encode("aab") == [("a", 2), ("b", 1)]


def test_singles():
    assert encode("abc") == [("a", 1), ("b", 1), ("c", 1)]


def test_again():
    assert encode("aabba") == [("a", 2), ("b", 2), ("a", 1)]
""",
    ),
    Case(
        "caesar",
        "wrong operator",
        """
def shift(text, by):
    out = []
    for letter in text:
        if letter.islower():
            out.append(chr((ord(letter) - ord("a") + by) % 26 + ord("a")))
        else:
            out.append(letter)
    return "".join(out)
""",
        ('ord("a") + by) % 26', 'ord("a") - by) % 26'),
        """
import pytest
from caesar import shift


@pytest.mark.parametrize(("text", "by", "expected"), [
    ("abc", 1, "bcd"), ("xyz", 3, "abc"), ("Hi!", 2, "Hk!"), ("abc", 0, "abc"), ("n", 13, "a"),
    ("b", -1, "a"),
])
def test_shift(text, by, expected):
    assert shift(text, by) == expected
""",
    ),
    Case(
        "palindrome",
        "wrong slice",
        """
def is_palindrome(text):
    letters = [c.lower() for c in text if c.isalnum()]
    return letters == letters[::-1]
""",
        ("letters[::-1]", "letters[:-1]"),
        """
import pytest
from palindrome import is_palindrome


@pytest.mark.parametrize(("text", "expected"), [
    ("", True), ("a", True), ("ab", False), ("Anna", True), ("A man, a plan, a canal: Panama", True),
    ("abca", False), ("abcba", True),
])
def test_palindrome(text, expected):
    assert is_palindrome(text) is expected
""",
    ),
    Case(
        "roman",
        "wrong comparison",
        """
VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman(text):
    total = 0
    for index, letter in enumerate(text):
        value = VALUES[letter]
        if index + 1 < len(text) and value < VALUES[text[index + 1]]:
            total -= value
        else:
            total += value
    return total
""",
        ("total -= value", "total += value"),
        """
import pytest
from roman import roman


@pytest.mark.parametrize(("text", "expected"), [
    ("I", 1), ("III", 3), ("IV", 4), ("VI", 6), ("IX", 9), ("XLII", 42), ("MCMXCIV", 1994),
    ("MMXX", 2020),
])
def test_roman(text, expected):
    assert roman(text) == expected
""",
    ),
    Case(
        "brackets",
        "missing condition",
        """
PAIRS = {")": "(", "]": "[", "}": "{"}


def balanced(text):
    stack = []
    for sign in text:
        if sign in PAIRS.values():
            stack.append(sign)
        elif sign in PAIRS:
            if not stack or stack.pop() != PAIRS[sign]:
                return False
    return not stack
""",
        ("if not stack or stack.pop()", "if stack.pop()"),
        """
import pytest
from brackets import balanced


@pytest.mark.parametrize(("text", "expected"), [
    ("", True), ("()", True), (")", False), ("(]", False), ("([{}])", True), ("(()", False),
    ("())", False), ("a(b)c", True),
])
def test_balanced(text, expected):
    assert balanced(text) is expected
""",
    ),
    Case(
        "template",
        "swapped arguments",
        """
def fill(template, values):
    for name, value in values.items():
        template = template.replace("{" + name + "}", str(value))
    return template
""",
        ('replace("{" + name + "}", str(value))', 'replace(str(value), "{" + name + "}")'),
        """
from template import fill


def test_none():
    assert fill("plain", {}) == "plain"


def test_one():
    assert fill("hi {who}", {"who": "Ada"}) == "hi Ada"


def test_two():
    assert fill("{a}-{b}", {"a": 1, "b": 2}) == "1-2"


def test_twice():
    assert fill("{a}{a}", {"a": "x"}) == "xx"
""",
    ),
    Case(
        "version",
        "missing conversion",
        '''
def newer(left, right):
    """Say whether a version like 1.10.2 is newer than another."""
    mine = [int(part) for part in left.split(".")]
    theirs = [int(part) for part in right.split(".")]
    return mine > theirs
''',
        ("mine = [int(part) for part in left", "mine = [part for part in left"),
        """
import pytest
from version import newer


@pytest.mark.parametrize(("left", "right", "expected"), [
    ("1.0", "1.0", False), ("1.1", "1.0", True), ("1.10", "1.9", True), ("2", "10", False),
    ("1.2.3", "1.2", True),
])
def test_newer(left, right, expected):
    assert newer(left, right) is expected
""",
    ),
    Case(
        "initials",
        "wrong index",
        """
def initials(name):
    parts = name.split()
    return "".join(part[0].upper() + "." for part in parts)
""",
        ("part[0]", "part[1]"),
        """
import pytest
from initials import initials


@pytest.mark.parametrize(("name", "expected"), [
    ("ada lovelace", "A.L."), ("Grace", "G."), ("", ""), ("x y z", "X.Y.Z."),
    ("john von neumann", "J.V.N."),
])
def test_initials(name, expected):
    assert initials(name) == expected
""",
    ),
    Case(
        "wordcount",
        "wrong default",
        """
def counts(words):
    found = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return found
""",
        ("found.get(word, 0)", "found.get(word, 1)"),
        """
from wordcount import counts


def test_nothing():
    assert counts([]) == {}


def test_one():
    assert counts(["a"]) == {"a": 1}


def test_more():
    assert counts(["a", "b", "a"]) == {"a": 2, "b": 1}


def test_many():
    assert counts(list("mississippi")) == {"m": 1, "i": 4, "s": 4, "p": 2}
""",
    ),
    Case(
        "anagrams",
        "missing call",
        """
def groups(words):
    found = {}
    for word in words:
        key = "".join(sorted(word))
        found.setdefault(key, []).append(word)
    return [group for group in found.values() if len(group) > 1]
""",
        ('"".join(sorted(word))', '"".join(word)'),
        """
from anagrams import groups


def test_none():
    assert groups(["a", "b"]) == []


def test_pair():
    assert groups(["ab", "ba"]) == [["ab", "ba"]]


def test_three():
    assert groups(["tea", "dog", "eat", "ate"]) == [["tea", "eat", "ate"]]


def test_same_letters_other_counts():
    assert groups(["aab", "abb"]) == []
""",
    ),
    Case(
        "parse_int",
        "wrong exception",
        """
def parse_int(text, default=None):
    try:
        return int(text)
    except ValueError:
        return default
""",
        ("except ValueError", "except KeyError"),
        """
from parse_int import parse_int


def test_number():
    assert parse_int("12") == 12


def test_no_number():
    assert parse_int("x") is None


def test_default():
    assert parse_int("", 3) == 3


def test_negative():
    assert parse_int("-4", 1) == -4
""",
    ),
)
