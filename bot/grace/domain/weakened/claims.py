"""What a test asserts, and how much that says."""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from grace.domain.weakened.expressions import (
    chain_of,
    last_name,
    number_of,
    text_of,
    truth_of,
)

# How much an assertion says: nothing, that something is there, something of it, about what, what.
NOTHING, SOMETHING, PART, NEARLY, EXACTLY = range(5)

_CLAIMING: Final = re.compile(r"_*(assert|expect|verify|check|ensure|should|fail)", re.IGNORECASE)
_RAISING: Final = frozenset(
    {"raises", "warns", "deprecated_call", "assertRaises", "assertWarns", "RaisesGroup"}
    | {"assertRaisesRegex", "assertWarnsRegex", "assertLogs"}
)
_NEAR: Final = frozenset(
    {"approx", "isclose", "allclose", "assert_allclose", "assertAlmostEqual", "assert_almost_equal"}
)
_UNITTEST: Final = {
    "assertIn": PART,
    "assertNotIn": SOMETHING,
    "assertGreater": PART,
    "assertGreaterEqual": PART,
    "assertLess": PART,
    "assertLessEqual": PART,
    "assertRegex": PART,
    "assertNotEqual": SOMETHING,
    "assertIsNotNone": SOMETHING,
    "assertIsNot": SOMETHING,
    "assertIsInstance": SOMETHING,
    "assertAlmostEqual": NEARLY,
    "assert_allclose": NEARLY,
    "assert_almost_equal": NEARLY,
    "assertIs": EXACTLY,
    "assertIsNone": EXACTLY,
    "assert_called": SOMETHING,
    "assert_any_call": PART,
    "assert_called_once": NEARLY,
    "assert_has_calls": NEARLY,
    "assert_called_with": EXACTLY,
    "assert_called_once_with": EXACTLY,
    "assert_not_called": EXACTLY,
    "assert_awaited": SOMETHING,
    "assert_awaited_once_with": EXACTLY,
}
_UPPER: Final = (ast.Lt, ast.LtE)
_LOWER: Final = (ast.Gt, ast.GtE)
_MIRROR: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
_DEFAULT_SLACK: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Claim:
    """One assertion: `text` is the whole of it, `subject` what it is about.

    `guards`: the conditions under which it is looked at at all. `least`, `most`: a number that it
    compares with; `least` says besides whether that number is out, `most` whether it is in.
    `raises`: the exceptions that it wants, `matching` whether by their words too.
    """

    text: str
    subject: str
    rank: int
    line: int
    guards: tuple[str, ...] = ()
    least: tuple[float, bool] | None = None
    most: tuple[float, bool] | None = None
    slack: float | None = None
    raises: frozenset[str] = frozenset()
    matching: bool = False


def asserted(test: ast.expr, line: int) -> Iterator[Claim]:
    """Read what `assert test` claims, one claim for each part of an `and` or of a chain."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from asserted(value, line)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [left, *others]
            for a, op, b in zip(sides, ops, others, strict=False):
                yield _compared(a, op, b, line)
        case _:
            text = text_of(test)
            yield Claim(text, _subject(test), _rank(test), line, slack=_slack(test))


def _compared(a: ast.expr, op: ast.cmpop, b: ast.expr, line: int) -> Claim:
    whole = ast.Compare(left=a, ops=[op], comparators=[b])
    kind = type(op)
    # `5 > x` is `x < 5`.
    if isinstance(a, ast.Constant) or (number_of(a) is not None and number_of(b) is None):
        a, b, kind = b, a, _MIRROR.get(kind, kind)
    limit = number_of(b)
    claim = Claim(text_of(whole), text_of(a), _rank(whole), line, slack=_slack(whole))
    if limit is None:
        return claim
    if _is_length(a) and (limit < 0 or (limit == 0 and kind is ast.GtE)) and kind in _LOWER:
        return replace(claim, rank=NOTHING)
    if kind in _UPPER:
        return replace(claim, most=(limit, kind is ast.LtE))
    return replace(claim, least=(limit, kind is ast.Gt)) if kind in _LOWER else claim


def _is_length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node) == "len"


def _subject(test: ast.expr) -> str:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _subject(operand)
        case ast.Call(func=ast.Name(id="isinstance" | "hasattr" | "isclose"), args=[first, *_]):
            return text_of(first)
        case _:
            return text_of(test)


def _rank(test: ast.expr) -> int:
    if truth_of(test) is True:
        return NOTHING
    match test:
        case ast.Compare(ops=[op]):
            return _rank_of_comparison(test, op)
        case ast.BoolOp(values=values):
            return min(PART, *(_rank(v) for v in values))
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call) if last_name(call) == "any":
            return NEARLY
        case ast.UnaryOp(op=ast.Not()):
            return SOMETHING
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Name(id="object")]):
            return NOTHING
        case ast.Call(func=ast.Name(id="isinstance" | "hasattr" | "callable" | "bool" | "len")):
            return SOMETHING
        case ast.Call(func=ast.Name(id="any")):
            return PART
        case ast.Call() if last_name(test) in _NEAR | {"all"}:
            return NEARLY
        case ast.Call(args=args) if args:
            return PART
        case _:
            return SOMETHING


def _rank_of_comparison(test: ast.Compare, op: ast.cmpop) -> int:
    match op:
        case ast.Eq() if "ANY" in {last_name(test.left), last_name(test.comparators[0])}:
            return NOTHING
        case ast.Eq() | ast.Is():
            return NEARLY if _slack(test) is not None else EXACTLY
        case ast.NotEq() | ast.IsNot() | ast.NotIn():
            return SOMETHING
        case _:
            return PART


def _slack(node: ast.AST) -> float | None:
    """Find the widest tolerance that is written below a node; None: there is no such call."""
    widest: float | None = None
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and last_name(call) in _NEAR:
            widest = max(widest or 0.0, _DEFAULT_SLACK, *_tolerances(call))
    return widest


def _tolerances(call: ast.Call) -> Iterator[float]:
    yield 0.0
    for keyword in call.keywords:
        value = number_of(keyword.value)
        if value is None:
            continue
        if keyword.arg in {"rel", "abs", "rtol", "atol", "delta", "rel_tol", "abs_tol"}:
            yield abs(value)
        elif keyword.arg in {"places", "decimal"}:
            yield 10.0 ** -min(max(value, -300), 300)
    if last_name(call) == "approx":
        yield from (abs(value) for a in call.args[1:] if (value := number_of(a)) is not None)


def called(call: ast.Call) -> Iterator[Claim]:
    """Read what a statement that is only a call claims, if anything."""
    chain = chain_of(call)
    name = chain[-1] if chain else ""
    if name in _RAISING:
        yield raising(call)
    elif name in {"assertTrue", "assertFalse"} and call.args:
        test = call.args[0]
        if name == "assertFalse":
            test = ast.UnaryOp(op=ast.Not(), operand=test)
        yield from asserted(test, call.lineno)
    elif any(_CLAIMING.match(part) for part in chain):
        rank = _UNITTEST.get(name, EXACTLY if name.endswith("Equal") else PART)
        values = [text_of(a) for a in call.args]
        same = len(values) > 1 and values[0] == values[1] and rank >= NEARLY
        if any(last_name(a) == "ANY" for a in call.args):
            rank = min(rank, PART)
        told = NOTHING if same or values == ["Constant(value=True)"] else rank
        subject = values[0] if values else text_of(call.func)
        yield Claim(text_of(call), subject, told, call.lineno, slack=_slack(call))


def raising(call: ast.Call) -> Claim:
    """Read what `pytest.raises(...)` or one of its kind claims."""
    wanted = call.args[0] if call.args else None
    parts = wanted.elts if isinstance(wanted, ast.Tuple) else [wanted] if wanted else []
    names = frozenset(last_name(p) or text_of(p) for p in parts)
    matching = last_name(call).endswith("Regex") or any(k.arg == "match" for k in call.keywords)
    return Claim(text_of(call), "raises", EXACTLY, call.lineno, raises=names, matching=matching)


def is_raising(node: ast.expr) -> bool:
    """Tell whether a context manager waits for an exception."""
    return isinstance(node, ast.Call) and last_name(node) in _RAISING


def is_broader(old: frozenset[str], new: frozenset[str]) -> bool:
    """Tell whether more exceptions satisfy the new names than satisfied the old."""
    return new > old or any(_covers(n, o) for n in new - old for o in old - new)


def _covers(broad: str, narrow: str) -> bool:
    """Tell whether one exception is a base of another; every unknown one is an Exception."""
    outer, inner = getattr(builtins, broad, None), getattr(builtins, narrow, Exception)
    if not (isinstance(outer, type) and isinstance(inner, type)):
        return False
    return issubclass(inner, outer)
