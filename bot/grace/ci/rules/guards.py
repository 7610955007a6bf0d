"""What a test tells of the variables in it: where it holds, and where it fails."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final

from grace.ci.rules.sources import PATHS_MADE
from grace.ci.rules.values import ALL, Danger, Dangers, Value

_ELSEWHERE: Final[Dangers] = frozenset({Danger.REDIRECT, Danger.FETCH})
_PLAIN: Final = frozenset(
    {"isdigit", "isalnum", "isidentifier", "isalpha", "isnumeric", "isdecimal"}
)
_MATCHES: Final = frozenset({"match", "fullmatch"})
_SITES: Final = frozenset({"url_has_allowed_host_and_scheme", "is_safe_url"})
# A function of the program's own, by a name that says what it is for.
_CHECKS: Final = re.compile(r"valid|allow|safe|permit|whitelist|sanit", re.IGNORECASE)
_LOOKED_AT: Final = frozenset({"netloc", "hostname", "scheme"})

Known = dict[str, Value]
Env = Mapping[str, Value]


def holds(env: Env, test: ast.expr) -> Known:
    """Return the variables that are known better where the test holds."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return fails(env, inner)
        case ast.BoolOp(op=ast.And(), values=values):
            known: Known = {}
            for each in values:
                known |= holds({**env, **known}, each)
            return known
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(env, left, op, right)
        case ast.Call():
            return _called(env, test)
        case ast.NamedExpr(value=inner):
            return holds(env, inner)
        case _:
            return {}


def fails(env: Env, test: ast.expr) -> Known:
    """Return the variables that are known better where the test fails."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return holds(env, inner)
        case ast.BoolOp(op=ast.Or(), values=values):
            known: Known = {}
            for each in values:
                known |= fails({**env, **known}, each)
            return known
        case ast.Compare(left=left, ops=[ast.NotIn()], comparators=[right]):
            return _compared(env, left, ast.In(), right)
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]):
            return _compared(env, left, ast.Eq(), right)
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return _matched(env, left)
        case ast.Compare(left=left, ops=[ast.Gt() | ast.GtE()]):
            return _taken(env, left, frozenset({Danger.SIZE}))
        case _:
            return {}


def _compared(env: Env, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Known:
    match op:
        case ast.In():
            if isinstance(left, ast.Constant):
                return {}
            return _member(env, left)
        case ast.Eq():
            known = _common(env, left)
            return known or ({} if _varies(env, right) else _member(env, left))
        case ast.Lt() | ast.LtE():
            return _taken(env, left, frozenset({Danger.SIZE}))
        case ast.IsNot():
            return _matched(env, left)
        case _:
            return {}


def _member(env: Env, node: ast.expr) -> Known:
    """A value that is one of a known few; a look at an address tells of the address."""
    known = _taken(env, node, ALL)
    for each in ast.walk(node):
        name = _name(each)
        value = env.get(name)
        if value is not None and value.root in env:
            known[value.root] = env[value.root].without(_ELSEWHERE)
        if isinstance(each, ast.Attribute) and each.attr in _LOOKED_AT:
            known |= _within(env, each, _ELSEWHERE)
    if "splitext" in ast.dump(node) or "rsplit" in ast.dump(node) or "suffix" in ast.dump(node):
        return known
    if isinstance(node, ast.Call | ast.Attribute):
        for name in _names(node):
            if name in env and env[name].root == "":
                known.setdefault(name, env[name].without(_ELSEWHERE))
    return known


def _varies(env: Env, node: ast.expr) -> bool:
    """Tell whether what is compared with is itself somebody else's word."""
    return any(env[name].dangers for name in _names(node) if name in env)


def _common(env: Env, node: ast.expr) -> Known:
    if (
        isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("commonpath", "commonprefix"))
        and ast.unparse(node.func).endswith("commonpath")
    ):
        return _within(env, node, frozenset({Danger.PATH}))
    return {}


def _matched(env: Env, node: ast.expr) -> Known:
    """A pattern of ours that matched: what it matched is as the pattern says."""
    return _called(env, node) if isinstance(node, ast.Call) else {}


def _called(env: Env, test: ast.Call) -> Known:
    name = ast.unparse(test.func)
    last = name.rpartition(".")[2]
    of = test.func.value if isinstance(test.func, ast.Attribute) else None
    if last in _PLAIN and of is not None:
        return _taken(env, of, ALL)
    if last == "startswith" and of is not None:
        return _started(env, of, test)
    if last == "is_relative_to" and of is not None:
        return _resolved(env, of)
    if last in _MATCHES and test.args:
        known: Known = {}
        for each in test.args:
            known |= _taken(env, each, ALL)
        return known
    if last == "isinstance" and len(test.args) > 1:
        kind = ast.unparse(test.args[1])
        taken = ALL if kind in {"int", "float", "bool"} else frozenset({Danger.NOSQL})
        return _taken(env, test.args[0], taken)
    if last in _SITES and test.args:
        return _taken(env, test.args[0], _ELSEWHERE)
    if _CHECKS.search(last):
        kinds_alone = re.search(r"file|ext|type|mime", last, re.IGNORECASE)
        return _within(env, test, ALL - {Danger.PATH} if kinds_alone else ALL)
    return {}


def _started(env: Env, node: ast.expr, test: ast.Call) -> Known:
    """A beginning proves a place only where nothing in the path leads out of it again."""
    known = _resolved(env, node)
    begin = test.args[0] if test.args else None
    text = begin.value if isinstance(begin, ast.Constant) else None
    if isinstance(text, str) and text.count("/") >= 3:  # noqa: PLR2004 - scheme://host/
        known |= _taken(env, node, _ELSEWHERE)
    return known


def _resolved(env: Env, node: ast.expr) -> Known:
    value = env.get(_name(node))
    if value is not None and value.name in PATHS_MADE:
        return {_name(node): value.without(frozenset({Danger.PATH}))}
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("path", "resolve")):
        return _within(env, node, frozenset({Danger.PATH}))
    return {}


def _taken(env: Env, node: ast.expr, taken: Dangers) -> Known:
    name = _name(node)
    return {name: env[name].without(taken)} if name in env else {}


def _within(env: Env, node: ast.expr, taken: Dangers) -> Known:
    return {name: env[name].without(taken) for name in _names(node) if name in env}


def _names(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if name := _name(each):
            yield name


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=of), attr=attr):
            return f"{of}.{attr}"
        case _:
            return ""
