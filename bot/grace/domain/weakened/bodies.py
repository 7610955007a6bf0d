"""Read the body of a Python function in a test file: what it asserts, and where it gives up."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from grace.domain.weakened.claims import NOTHING, Claim, asserted, called, is_raising, raising
from grace.domain.weakened.expressions import chain_of, last_name, names_in, text_of, truth_of
from grace.domain.weakened.markers import Marker, ended, leaving

_SWALLOWS: Final = frozenset({"AssertionError", "Exception", "BaseException"})

_SKIPS: Final = frozenset({"SkipTest", "skip", "Skipped"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Body:
    """What a function asserts and by what it ends early; `acts`: whether it does anything."""

    claims: list[Claim] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    acts: bool = False
    yields: int = 0


@dataclass(frozen=True, slots=True)
class _Where:
    """Under which conditions a statement is run, and whether its failure is caught."""

    guards: tuple[str, ...] = ()
    swallowed: bool = False
    nested: bool = False

    def under(self, guard: str) -> "_Where":
        return replace(self, guards=(*self.guards, guard))


def read_body(function: Function) -> Body:
    """Read a function; what never runs is not there."""
    reader = _Reader(function)
    reader.block(function.body, _Where())
    last = max((c.line for c in reader.body.claims), default=0)
    # A `return` behind the last assertion ends nothing early.
    reader.body.markers = [m for m in reader.body.markers if m.word != "return" or m.line < last]
    return reader.body


class _Reader:
    """One function as it is read, statement after statement."""

    def __init__(self, function: Function) -> None:
        self.body = Body()
        self._named = frozenset(names_in(function))

    def block(self, statements: Sequence[ast.stmt], where: _Where) -> None:
        for statement in statements:
            self._statement(statement, where)

    def _statement(self, statement: ast.stmt, where: _Where) -> None:
        match statement:
            case ast.If(test=test, body=body, orelse=orelse):
                self._branches(test, body, orelse, where)
            case ast.While(test=test, body=body, orelse=orelse):
                if truth_of(test) is not False:
                    self.block(body, where)
                self.block(orelse, where)
            case ast.For(iter=source) | ast.AsyncFor(iter=source):
                if truth_of(source) is not False:
                    self.block(statement.body, where)
                self.block(statement.orelse, where)
                self.body.acts = True
            case ast.Try() | ast.TryStar():
                self._attempt(statement, where)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                self._context(items, body, where)
            case ast.Match(cases=cases):
                for case in cases:
                    self.block(case.body, where.under(text_of(case.pattern)))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name in self._named or statement.decorator_list:
                    self.block(statement.body, replace(where, nested=True))
            case ast.ClassDef(body=body):
                self.block(body, replace(where, nested=True))
            case _:
                self._simple(statement, where)

    def _simple(self, statement: ast.stmt, where: _Where) -> None:
        match statement:
            case ast.Assert(test=test):
                self._claim(asserted(test, statement.lineno), where)
                self.body.acts = True
            case ast.Return() if not where.nested:
                self.body.markers.append(ended(statement, "return", where.guards))
            case ast.Raise(exc=ast.expr() as e) if not _SKIPS.isdisjoint(chain_of(e)):
                self.body.markers.append(ended(statement, "SkipTest", where.guards))
            case ast.Expr(value=ast.Yield() | ast.YieldFrom()) if not where.nested:
                self.body.yields += 1
            case ast.Expr(value=value):
                self._expression(value, where)
            case _:
                self._calls(statement, where)

    def _expression(self, value: ast.expr, where: _Where) -> None:
        inner = value.value if isinstance(value, ast.Await) else value
        if isinstance(inner, ast.Call):
            self._claim(called(inner), where)
        self._calls(value, where)

    def _calls(self, node: ast.AST, where: _Where) -> None:
        for call in ast.walk(node):
            if isinstance(call, ast.Call):
                self.body.acts = True
                if chain_of(call)[:1] != ("mocker",):
                    self.body.markers.extend(leaving(call, where.guards))

    def _branches(
        self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], where: _Where
    ) -> None:
        holds = truth_of(test)
        if holds is None:
            guard = text_of(test)
            self.block(body, where.under(guard))
            self.block(orelse, where.under(f"not {guard}"))
        else:
            self.block(body if holds else orelse, where)

    def _attempt(self, attempt: ast.Try | ast.TryStar, where: _Where) -> None:
        swallowed = where.swallowed or any(_swallows(h) for h in attempt.handlers)
        self.block(attempt.body, replace(where, swallowed=swallowed))
        for handler in attempt.handlers:
            self.block(handler.body, where.under("except"))
        self.block(attempt.orelse, where)
        self.block(attempt.finalbody, where)

    def _context(self, items: list[ast.withitem], body: list[ast.stmt], where: _Where) -> None:
        for item in items:
            manager = item.context_expr
            if is_raising(manager) and isinstance(manager, ast.Call):
                claim = raising(manager)
                self._claim(iter((claim,)), where)
                where = replace(where, swallowed=where.swallowed or bool(claim.raises & _SWALLOWS))
            elif isinstance(manager, ast.Call) and last_name(manager) == "suppress":
                caught = any(last_name(a) in _SWALLOWS for a in manager.args)
                where = replace(where, swallowed=where.swallowed or caught)
            else:
                self._calls(manager, where)
        self.body.acts = True
        self.block(body, where)

    def _claim(self, claims: Iterator[Claim], where: _Where) -> None:
        for claim in claims:
            rank = NOTHING if where.swallowed else claim.rank
            self.body.claims.append(replace(claim, rank=rank, guards=where.guards))


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler catches failed assertions, and does not let them through."""
    caught = handler.type
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught] if caught else []
    if caught is not None and not any(last_name(n) in _SWALLOWS for n in names):
        return False
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    return not any(
        isinstance(n, ast.Raise | ast.Assert)
        or (isinstance(n, ast.Call) and last_name(n).lower() in {"fail", "exit"})
        for n in inside
    )
