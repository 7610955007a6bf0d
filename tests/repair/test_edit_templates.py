"""What the templates make of small functions: each fix is among the edits, and each is Python."""

import ast

import pytest

from grace.repair.source import Source, candidate
from grace.repair.templates import edits
from support.broken import CASES

FIXES = [
    ("comparison", "def f(a, b):\n    return a < b\n", "def f(a, b):\n    return a <= b\n"),
    ("bound", "def f(n):\n    return range(0, n)\n", "def f(n):\n    return range(0, n + 1)\n"),
    ("less", "def f(n):\n    return g(n + 1)\n", "def f(n):\n    return g(n)\n"),
    ("arguments", "def f(a, b):\n    return f(a, b - 1)\n", "def f(a, b):\n    return f(b - 1, a)\n"),
    ("operator", "def f(a, b):\n    a ^= b\n", "def f(a, b):\n    a &= b\n"),
    ("or", "def f(a, b):\n    return a and b\n", "def f(a, b):\n    return a or b\n"),
    ("not", "def f(a):\n    if a:\n        g()\n", "def f(a):\n    if not a:\n        g()\n"),
    ("variable", "def f(a, b):\n    return g(a, a)\n", "def f(a, b):\n    return g(b, a)\n"),
    ("attribute", "def f(a):\n    g(a.x)\n    g(a.y)\n", "def f(a):\n    g(a.y)\n    g(a.y)\n"),
    ("method", "def f(a, b):\n    a.append(b)\n", "def f(a, b):\n    a.extend(b)\n"),
    ("slice", "def f(a):\n    return a[1:]\n", "def f(a):\n    return a[:]\n"),
    ("constant", "def f():\n    return 0\n", "def f():\n    return 1\n"),
    ("list", "def f(n):\n    return []\n", "def f(n):\n    return [n]\n"),
    ("another type", "def f(s, n):\n    return 0\n", "def f(s, n):\n    return s\n"),
    ("unwrap", "def f(a):\n    yield f(a)\n", "def f(a):\n    yield a\n"),
    ("wrap", "def f(a):\n    return a\n", "def f(a):\n    return sorted(a)\n"),
    ("bounded", "def f(a):\n    b = a\n    return b\n", "def f(a):\n    b = max(b, a)\n    return b\n"),
    ("assign", "def f(a):\n    b = a\n    return b\n", "def f(a):\n    b += a\n    return b\n"),
    ("return", "def f(a):\n    g(a)\n", "def f(a):\n    return g(a)\n"),
    ("await", "async def f(a):\n    b = g(a)\n", "async def f(a):\n    b = await g(a)\n"),
    ("exception", "def f():\n    raise KeyError\n", "def f():\n    raise ValueError\n"),
    ("loop", "def f(a):\n    while True:\n        a.pop()\n", "def f(a):\n    while a:\n        a.pop()\n"),
    ("precedence", "def f(a, b):\n    return a * b - 1\n", "def f(a, b):\n    return a * (b - 1)\n"),
    (
        "null", "def f(a):\n    if a.b is None:\n        return 1\n",
        "def f(a):\n    if a is None or a.b is None:\n        return 1\n",
    ),
    ("guard", "def f(a):\n    return a[0]\n", "def f(a):\n    if not a:\n        return None\n    return a[0]\n"),
    ("add", "def f(a, s):\n    g(a)\n", "def f(a, s):\n    s.add(a)\n    g(a)\n"),
    ("append", "def f(a, s):\n    g(a)\n", "def f(a, s):\n    g(a)\n    s.append(a)\n"),
    ("drop", "def f(a):\n    g(a)\n    h(a)\n", "def f(a):\n    h(a)\n"),
    ("order", "def f(a):\n    g(a)\n    h(a)\n", "def f(a):\n    h(a)\n    g(a)\n"),
    (
        "out of the loop", "def f(a):\n    for b in a:\n        g(b)\n        return b\n",
        "def f(a):\n    for b in a:\n        g(b)\n    return b\n",
    ),
    ("except", "def f():\n    try:\n        g()\n    except KeyError:\n        pass\n",
     "def f():\n    try:\n        g()\n    except ValueError:\n        pass\n"),
    ("keyword", "def f(a):\n    return sorted(a)\n", "def f(a):\n    return sorted(a, reverse=True)\n"),
    ("computed", "def f(d):\n    return True\n", "def f(d):\n    return d == 0\n"),
    ("yield", "def f(a):\n    yield f(a)\n", "def f(a):\n    yield from f(a)\n"),
]  # fmt: skip
TYPES = {
    "t.py:1": {
        "a": {"int", "list", "str"}, "b": {"int"}, "n": {"int"}, "s": {"set", "list"}, "d": {"int"},
    }
}  # fmt: skip


def made(text: str) -> dict[str, str]:
    """Every candidate of a file, by what it means."""
    source = Source("t.py", text)
    lines = dict.fromkeys(range(1, len(source.lines) + 1), 1.0)
    found = {}
    for edit in edits(source, lines, TYPES):
        one = candidate(source, (edit,))
        if one is not None:
            found[ast.dump(ast.parse(one.text))] = one.text
    return found


@pytest.mark.parametrize(("name", "broken", "right"), FIXES, ids=[fix[0] for fix in FIXES])
def test_the_fix_is_among_the_edits(name: str, broken: str, right: str) -> None:
    source = Source("t.py", broken)
    lines = dict.fromkeys(range(1, len(source.lines) + 1), 1.0)
    found = [
        edit
        for edit in edits(source, lines, TYPES)
        for text in (edit.text, f"({edit.text})")
        if broken[: edit.start] + text + broken[edit.end :] == right
    ]
    assert found
    assert getattr(candidate(source, (found[0],)), "text", "") == right


def test_every_edit_changes_only_lines_of_its_own() -> None:
    text = "def f(a, b):\n    # kept\n    c = a+b   # odd spacing\n    return c\n"
    changed = [t for t in made(text).values() if "return c\n" in t and "c = a-b   # odd" in t]
    assert changed == ["def f(a, b):\n    # kept\n    c = a-b   # odd spacing\n    return c\n"]


def test_no_edit_without_suspicion() -> None:
    source = Source("t.py", "def f(a):\n    return a\n\n\ndef g(a):\n    return a\n")
    assert {edit.line for edit in edits(source, {2: 1.0}, {})} == {2}


def test_what_is_more_suspicious_costs_less() -> None:
    source = Source("t.py", "def f(a, b):\n    g(a < b)\n    h(a < b)\n")
    costs = {
        edit.line: edit.cost
        for edit in edits(source, {2: 0.5, 3: 1.0}, {})
        if edit.template == "comparison" and edit.text.strip() == "<="
    }
    assert costs[3] < costs[2]


def test_names_of_comprehensions_stay_inside_of_them() -> None:
    texts = made("def f(a):\n    b = [x for x in a]\n    return g(b)\n").values()
    assert not [t for t in texts if "g(x)" in t]


@pytest.mark.parametrize("case", CASES[::20], ids=lambda case: case.name)
def test_templates_take_whole_programs(case) -> None:
    assert len(made(case.broken)) > 20
