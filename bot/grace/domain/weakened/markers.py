"""What makes a Python test be left out, or lets it fail."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from grace.domain.weakened.expressions import chain_of, last_name, text_of, truth_of
from grace.domain.weakening import WeakeningKind

# The higher, the more is left out.
_LEFT_OUT, _MAY_FAIL, _SOMETIMES_OUT, _SOMETIMES_MAY_FAIL, _ELSEWHERE = 9, 6, 3, 2, 1
_ALWAYS_SKIP: Final = frozenset({"skip", "SkipTest", "skipTest"})
_EXITS: Final = frozenset({("pytest", "exit"), ("os", "_exit"), ("sys", "exit")})
_CONDITIONAL_SKIP: Final = frozenset({"skipif", "skipIf", "skipUnless"})
_XFAIL: Final = frozenset({"xfail", "expectedFailure"})
# Marks by which suites are cut: what bears one is run less often, if ever.
_APART: Final = frozenset(
    {"slow", "manual", "nightly", "disabled", "broken", "quarantine", "quarantined", "wip"}
    | {"flaky", "stress", "bench", "optional", "ignore", "no_ci"}
)


@dataclass(frozen=True, slots=True)
class Marker:
    """One thing by which a test is left out or may fail; `key` tells two of them apart."""

    kind: WeakeningKind
    rank: int
    key: str
    line: int
    word: str


def marks(node: ast.expr, named: Mapping[str, ast.expr]) -> Iterator[Marker]:
    """Yield the markers in a decorator, a `pytestmark` or a list of cases.

    `named`: what the module's names stand for.
    """
    if isinstance(node, ast.Name) and node.id in named:
        for marker in marks(named[node.id], {}):
            yield Marker(marker.kind, marker.rank, marker.key, node.lineno, node.id)
        return
    known = _mark(node)
    if known is not None:
        yield from known
        return
    for child in ast.iter_child_nodes(node):
        inner = child.value if isinstance(child, ast.keyword) else child
        if isinstance(inner, ast.expr):
            yield from marks(inner, named)


def _mark(node: ast.expr) -> tuple[Marker, ...] | None:
    """Read one marker; None: this is none, and what is below it may be."""
    name = last_name(node)
    call = node if isinstance(node, ast.Call) else None
    if name in _ALWAYS_SKIP or chain_of(node) in _EXITS:
        return (_skip(node, _LEFT_OUT, name),)
    if name in _CONDITIONAL_SKIP:
        return _skip_if(node, name, call)
    if name in _XFAIL:
        return _xfail(node, name, call)
    if name in _APART and isinstance(call.func if call else node, ast.Attribute):
        return (_skip(node, _ELSEWHERE, name),)
    if "skip" in name.lower():
        key = " ".join([name, *(text_of(a) for a in call.args)]) if call else name
        return (replace(_skip(node, _SOMETIMES_OUT, name), key=key),)
    return None


def _skip(node: ast.expr, rank: int, name: str) -> Marker:
    return Marker(WeakeningKind.TEST_SKIPPED, rank, name, node.lineno, name)


def _condition(call: ast.Call | None) -> ast.expr | None:
    if call is None:
        return None
    named = [k.value for k in call.keywords if k.arg == "condition"]
    return next(iter([*call.args, *named]), None)


def _skip_if(node: ast.expr, name: str, call: ast.Call | None) -> tuple[Marker, ...]:
    condition = _condition(call)
    if condition is None:
        return ()
    holds = truth_of(condition)
    if holds is (name == "skipUnless"):
        return ()
    rank = _SOMETIMES_OUT if holds is None else _LEFT_OUT
    key = f"{name} {text_of(condition)}"
    return (Marker(WeakeningKind.TEST_SKIPPED, rank, key, node.lineno, name),)


def _xfail(node: ast.expr, name: str, call: ast.Call | None) -> tuple[Marker, ...]:
    condition = _condition(call)
    holds = None if condition is None else truth_of(condition)
    if holds is False:
        return ()
    depends = condition is not None and holds is None
    rank = _SOMETIMES_MAY_FAIL if depends else _MAY_FAIL
    options = {k.arg: k.value for k in call.keywords} if call else {}
    no, yes = ast.Constant(value=False), ast.Constant(value=True)
    narrow = [o for o in ("strict", "raises") if truth_of(options.get(o, no)) is not False]
    if truth_of(options.get("run", yes)) is False:
        rank, narrow = _LEFT_OUT, []
    key = f"{name} {rank} {narrow} {text_of(condition) if condition and depends else ''}"
    kind = WeakeningKind.EXPECTED_FAILURE
    return (Marker(kind, rank - len(narrow), key, node.lineno, name),)


def renamed(statement: ast.ImportFrom) -> Iterator[Marker]:
    """Yield what is imported to leave tests out under a name that does not tell."""
    for alias in statement.names:
        hides = alias.asname is not None and not _tells(alias.asname)
        if hides and _tells(alias.name):
            kind = WeakeningKind.TEST_SKIPPED
            yield Marker(kind, _SOMETIMES_OUT, alias.name, statement.lineno, alias.name)


def _tells(name: str) -> bool:
    return "skip" in name.lower() or name in _XFAIL


def leaving(call: ast.Call, guards: tuple[str, ...]) -> Iterator[Marker]:
    """Read a call in a body that ends the test there without a verdict."""
    name, kind = last_name(call), WeakeningKind.TEST_SKIPPED
    if name == "importorskip":
        key = " ".join(text_of(a) for a in call.args)
        yield Marker(kind, _SOMETIMES_OUT, f"importorskip {key}", call.lineno, name)
    elif name in {"skip", "skipTest", "SkipTest"} or chain_of(call) in _EXITS:
        yield ended(call, name, guards)
    elif name == "xfail":
        yield Marker(
            WeakeningKind.EXPECTED_FAILURE,
            _SOMETIMES_MAY_FAIL if guards else _MAY_FAIL,
            f"xfail() {guards}",
            call.lineno,
            name,
        )


def ended(node: ast.expr | ast.stmt, word: str, guards: tuple[str, ...]) -> Marker:
    """Build the marker of a place where a test ends early, under these conditions."""
    rank = _SOMETIMES_OUT if guards else _LEFT_OUT
    return Marker(WeakeningKind.TEST_SKIPPED, rank, f"{word}() {guards}", node.lineno, word)


def gained(before: Sequence[Marker], after: Sequence[Marker]) -> Iterator[Marker]:
    """Yield the markers that are new; one that takes the place of a worse one is none."""
    old = Counter((m.kind, m.key) for m in before)
    fresh: list[Marker] = []
    for marker in after:
        same = (marker.kind, marker.key)
        if old[same]:
            old[same] -= 1
        else:
            fresh.append(marker)
    gone = sorted(m.rank for m in before if old[m.kind, m.key] > 0)
    for marker in sorted(fresh, key=lambda m: -m.rank):
        if gone and gone[-1] > marker.rank:
            gone.pop()
        else:
            yield marker
