"""Edit templates: what a fix may look like. They name no program and know no tests."""

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from grace.repair.naturalness import unused_names
from grace.repair.scope import Scope
from grace.repair.source import Edit, Function, Source
from grace.repair.templates import calls, forms, operators, statements, values
from grace.repair.templates.site import Site

Template = Callable[[Site], Iterator[Edit]]

TEMPLATES: tuple[Template, ...] = (
    operators.comparisons,
    operators.arithmetic,
    operators.booleans,
    operators.conditions,
    values.constants,
    values.bounds,
    values.variables,
    values.combinations,
    values.slices,
    calls.calls,
    calls.wraps,
    forms.forms,
    statements.removals,
    statements.insertions,
)
# How much a line's suspicion weighs beside a template's cost.
SUSPICION = 2.0
USES = 0.7
WORDS = re.compile(r"[^\W\d]\w*")


def edits(
    source: Source, lines: Mapping[int, float], types: Mapping[str, Mapping[str, set[str]]]
) -> Iterator[Edit]:
    """Make every edit of every template at the suspicious lines of a file, in no order.

    `lines`: suspicion from 0 to 1 by line. An edit's cost includes it.
    """
    scopes: dict[Function | None, Scope] = {None: Scope(source, None, types)}
    unused: dict[Function | None, set[str]] = {None: set()}
    for node in ast.walk(source.tree):
        if not isinstance(node, (ast.expr, ast.stmt)) or node not in source.parents:
            continue
        suspicion = _suspicion(source, node, lines)
        if suspicion <= 0:
            continue
        around = source.functions_at(node.lineno)
        function = around[-1] if around else None
        if function is node and len(around) > 1:
            function = around[-2]
        if function not in scopes:
            scopes[function] = Scope(source, function, types)
            unused[function] = unused_names(function) if function is not None else set()
        site = Site(source, scopes[function], node)
        extra = SUSPICION * -math.log(min(1.0, suspicion))
        for template in TEMPLATES:
            for edit in template(site):
                yield replace(edit, cost=edit.cost + extra - _useful(edit, unused[function]))


def _useful(edit: Edit, unused: set[str]) -> float:
    """What an edit gains by reading a variable that nobody read."""
    return USES if unused and unused.intersection(WORDS.findall(edit.text)) else 0.0


def _suspicion(source: Source, node: ast.expr | ast.stmt, lines: Mapping[int, float]) -> float:
    """The highest suspicion of the lines that a node's own text begins on."""
    last = node.end_lineno or node.lineno
    if isinstance(node, (ast.If, ast.While, ast.For, ast.With, ast.Try)):
        last = node.lineno
    found = max((lines.get(line, 0.0) for line in range(node.lineno, last + 1)), default=0.0)
    if found or not isinstance(node, ast.expr):
        return found
    # An expression inside of a statement of several lines: Python names one line of those.
    parent: ast.AST = node
    while not isinstance(parent, ast.stmt) and parent in source.parents:
        parent = source.parents[parent][0]
    if isinstance(parent, ast.stmt) and not isinstance(parent, (ast.FunctionDef, ast.ClassDef)):
        return lines.get(parent.lineno, 0.0)
    return 0.0
