"""Templates for values: constants, bounds, variables, attributes, slices and donors."""

import ast
from collections.abc import Iterator

from grace.repair.scope import Kinds, may_be
from grace.repair.source import Edit
from grace.repair.templates.site import TWO, Site, spread

EMPTY = {"[]": "list", "{}": "dict", "set()": "set", "''": "str", "()": "list"}


def constants(site: Site) -> Iterator[Edit]:
    """A constant one further, another of the file, an empty thing for another."""
    node = site.node
    if isinstance(node, ast.Constant) and not _is_text(site):
        yield from _constant(site, node)
    elif isinstance(node, (ast.List, ast.Tuple)) and isinstance(node.ctx, ast.Load):
        yield from _list(site, node)
    elif isinstance(node, ast.Dict) and not node.keys:
        yield site.put("set()", "empty value", 2.4)
        yield site.put("[]", "empty value", 2.6)


def _is_text(site: Site) -> bool:
    return isinstance(site.parent, (ast.Expr, ast.JoinedStr, ast.FormattedValue))


def _constant(site: Site, node: ast.Constant) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool):
        yield site.put(str(not value), "constant", 1.2)
        if isinstance(site.parent, (ast.Return, ast.Assign, ast.keyword)):
            yield from _computed(site)
    elif isinstance(value, (int, float)):
        whole = 0.0 if isinstance(value, int) else 1.2
        near: dict[str, float] = {repr(value + 1): 1.3 + whole, repr(value - 1): 1.3 + whole}
        for other, cost in (("0", 1.6), ("1", 1.6), ("2", 2.4), ("-1", 2.0)):
            near.setdefault(other, cost + whole)
        if value:
            near.setdefault(repr(-value), 2.0)
        if value == 0:
            near.update({"float('inf')": 2.6, "float('-inf')": 2.2, "None": 2.6})
        for other, cost in near.items():
            if other != site.text:
                yield site.put(other, "constant", cost)
        for other in ("True", "False") if value in {0, 1} else ():
            yield site.put(other, "constant", 3.2)
    elif value is None:
        for other in ("0", "[]", "''", "False", "{}", "set()"):
            yield site.put(other, "constant", 2.6)
    elif isinstance(value, str):
        yield from _string(site, value)
    for other in site.scope.constants:
        if other != site.text and _same_type(value, ast.literal_eval(other)):
            yield site.put(other, "constant of the file", spread(2.0, site.scope.constants))
    yield from _named(site, node)


def _named(site: Site, node: ast.Constant) -> Iterator[Edit]:
    alike = site.alike(site.scope.kinds(node)) if node.value is not None else []
    for name, kinds in site.visible().items():
        likely = 0.0 if name in alike else 0.8
        if "call" not in kinds:
            yield site.put(name, "variable for constant", spread(2.2 + likely, site.visible()))


def _computed(site: Site) -> Iterator[Edit]:
    """A condition where True or False is written."""
    visible = site.visible()
    for name, kinds in visible.items():
        if kinds & {"num"}:
            yield site.put(f"{name} == 0", "computed", spread(1.9, visible))
            yield site.put(f"{name} > 0", "computed", spread(2.3, visible))
        if kinds & {"list", "dict", "set", "str"}:
            yield site.put(f"not {name}", "computed", spread(1.9, visible))
            yield site.put(f"bool({name})", "computed", spread(2.5, visible))
        if kinds & {"bool"}:
            yield site.put(name, "computed", spread(1.9, visible))
            yield site.put(f"not {name}", "computed", spread(2.3, visible))
        if "none" in kinds:
            yield site.put(f"{name} is None", "computed", spread(2.2, visible))
    for text, donor in site.scope.donors.items():
        if isinstance(donor, ast.Compare):
            yield site.put(text, "computed", spread(2.2, visible))
            yield site.put(f"not ({text})", "computed", spread(2.6, visible))


def _same_type(mine: object, theirs: object) -> bool:
    return type(mine) is type(theirs)


def _string(site: Site, value: str) -> Iterator[Edit]:
    others = {"": 2.4, " ": 2.4, value.strip(): 2.0, value.lower(): 2.4, value.upper(): 2.4}
    if value:
        others |= {value + " ": 2.8, " " + value: 3.0, value + "\n": 3.0, value[:-1]: 3.0}
    for other, cost in others.items():
        if other != value:
            yield site.put(repr(other), "constant", cost)


def _list(site: Site, node: ast.List | ast.Tuple) -> Iterator[Edit]:
    opening, closing = ("[", "]") if isinstance(node, ast.List) else ("(", ",)")
    if not node.elts:
        if isinstance(node, ast.List):
            yield site.put("[[]]", "empty value", 2.0)
            yield site.put("{}", "empty value", 2.6)
            yield site.put("set()", "empty value", 2.6)
        for name, kinds in site.visible().items():
            if "call" not in kinds:
                cost = 1.9 if isinstance(site.parent, ast.Return) else 2.2
                nested = 0.6 if kinds & {"list", "dict", "set"} else 0.0
                text = f"{opening}{name}{closing}"
                yield site.put(text, "element put", spread(cost + nested, site.visible()))
    elif len(node.elts) == 1 and isinstance(node, ast.List):
        yield site.put("[]", "element dropped", 2.4)
        yield site.put(site.segment(node.elts[0]), "unwrapped", 2.4)
    elif len(node.elts) >= TWO:
        for index in range(len(node.elts) - 1):
            first, second = node.elts[index], node.elts[index + 1]
            span = site.source.span(first)[0], site.source.span(second)[1]
            between = site.source.text[site.source.span(first)[1] : site.source.span(second)[0]]
            text = f"{site.segment(second)}{between}{site.segment(first)}"
            yield site.plain(span, text, "elements exchanged", 1.7)


def bounds(site: Site) -> Iterator[Edit]:
    """One more or one less, where a bound, an index, an argument or an operand is."""
    node = site.node
    if not isinstance(node, ast.expr) or isinstance(node, (ast.Constant, ast.Slice, ast.Starred)):
        return
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or not _numeric(site, node):
        return
    cost = _bound_cost(site)
    if cost is None:
        return
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub(), right=ast.Constant(value=int())):
            yield site.put(site.segment(node.left), "bound", cost - 0.4)
            return
        case _:
            own = site.text if isinstance(node, (ast.BinOp)) and _sum(node) else site.operand
    if isinstance(site.parent, ast.BinOp) and _sum(site.parent) and site.field == "left":
        return
    outer = site.enclosing(ast.Subscript)
    if isinstance(outer, ast.Subscript) and isinstance(outer.ctx, ast.Store):
        cost += 0.4
    yield site.put(f"{own} + 1", "bound", cost)
    yield site.put(f"{own} - 1", "bound", cost)


def _sum(node: ast.BinOp) -> bool:
    return isinstance(node.op, (ast.Add, ast.Sub))


def _numeric(site: Site, node: ast.expr) -> bool:
    kinds = site.scope.kinds(node)
    return not kinds or "num" in kinds


def _bound_cost(site: Site) -> float | None:
    """How likely a bound is off by one here; None where there is no bound."""
    known = site.scope.kinds(site.node) if isinstance(site.node, ast.expr) else frozenset()
    unsure = 0.0 if "num" in known else 1.0
    match site.parent:
        case ast.Call(func=ast.Name(id="range")):
            return 1.0
        case ast.Slice():
            return 1.2
        case ast.Subscript():
            return 1.6 + unsure if site.field == "slice" else None
        case ast.Tuple() as key if site.source.parents[key][1] == "slice":
            return 1.8 + unsure
        case ast.Compare():
            return 1.8 + unsure
        case ast.Call():
            return 2.0 + unsure if site.field == "args" else None
        case ast.Return() | ast.Assign() | ast.AugAssign() | ast.IfExp():
            return 2.2 + unsure if site.field in {"value", "body", "orelse"} else None
        case ast.BinOp():
            return 2.2 + unsure
        case _:
            return None


def variables(site: Site) -> Iterator[Edit]:
    """Another variable, attribute, or expression of the same function."""
    node = site.node
    if isinstance(node, ast.Attribute):
        yield from _attribute(site, node)
    if not isinstance(node, ast.expr) or isinstance(node, (ast.Constant, ast.Slice, ast.Starred)):
        return
    if site.field in {"func", "keywords"} and not isinstance(node, ast.Name):
        return
    store = isinstance(getattr(node, "ctx", None), ast.Store)
    kinds = site.scope.kinds(node)
    if store:
        yield from _targets(site, node, kinds)
        return
    if isinstance(site.parent, ast.Call) and site.field == "func":
        for name, other in site.scope.globals.items():
            if isinstance(node, ast.Name) and "call" in other and name != node.id:
                yield site.put(name, "function called", spread(2.6, site.scope.globals))
        return
    names = site.alike(kinds)
    base = 1.5 if isinstance(node, ast.Name) else 2.5
    for name in names:
        if name != site.text and "call" not in site.visible()[name] - kinds:
            same = 0.0 if kinds and site.visible()[name] & kinds else 0.5
            yield site.put(name, "variable", spread(base + same, names))
    # The variable that stands here may be of the wrong type just because it is the wrong one.
    for name, other in site.visible().items() if isinstance(node, ast.Name) else ():
        if name not in names and "call" not in other:
            yield site.put(name, "variable", spread(base + 1.2, site.visible()))
    for name, other in site.scope.globals.items():
        if isinstance(node, ast.Name) and name != node.id and "call" not in other:
            yield site.put(name, "variable", spread(2.8, site.scope.globals))
    for text, donor in site.scope.donors.items():
        if text != site.text:
            known = site.scope.kinds(donor)
            far = 0.0 if kinds and known & kinds else 0.4 if may_be(kinds, known) else 1.4
            yield site.put(text, "expression of the function", spread(2.6 + far, site.scope.donors))


def _attribute(site: Site, node: ast.Attribute) -> Iterator[Edit]:
    fields, methods = site.scope.attributes
    called = isinstance(site.parent, ast.Call) and site.field == "func"
    for name in methods if called else fields:
        if name != node.attr:
            text = f"{site.source.operand(node.value)}.{name}"
            cost = 2.0 if called else 1.4
            yield site.put(text, "attribute", spread(cost, methods if called else fields))
    if not called:
        yield site.put(site.segment(node.value), "attribute dropped", 2.6)


def _targets(site: Site, node: ast.expr, kinds: Kinds) -> Iterator[Edit]:
    """Another thing assigned to."""
    if isinstance(node, (ast.Tuple, ast.List)) or not isinstance(
        site.parent, (ast.Assign, ast.AugAssign, ast.Tuple)
    ):
        return
    value = getattr(site.parent, "value", None)
    kinds = kinds or (site.scope.kinds(value) if isinstance(value, ast.expr) else kinds)
    for name in site.alike(kinds):
        if name != site.text:
            yield site.put(name, "target", spread(2.8, site.visible()))
    for text, donor in site.scope.donors.items():
        assignable = isinstance(donor, (ast.Subscript, ast.Attribute))
        if assignable and text != site.text and not _is_slice(donor):
            like = 0.0 if type(donor) is type(node) else 1.0
            yield site.put(text, "target", spread(2.2 + like, site.scope.donors))


def _is_slice(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def combinations(site: Site) -> Iterator[Edit]:
    """An expression with another of its kind: added, taken away, put before or behind."""
    node = site.node
    if not isinstance(node, ast.expr) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    if isinstance(node, (ast.Constant, ast.Slice, ast.Starred)) or site.field == "func":
        return
    if isinstance(site.parent, (ast.Attribute, ast.Expr, ast.keyword)):
        return
    kinds = site.scope.kinds(node)
    own = site.operand
    visible = site.visible()
    if "num" in kinds or not kinds:
        for name in (n for n, k in visible.items() if "num" in k and n != site.text):
            unsure = 0.0 if kinds else 0.8
            for operator, cost in (("-", 2.6), ("+", 2.6), ("*", 3.2), ("//", 3.8)):
                yield site.put(
                    f"{own} {operator} {name}", "combined", spread(cost + unsure, visible)
                )
        if kinds:
            for text, cost in ((f"{own} ** 2", 3.2), (f"{own} * {own}", 3.4), (f"-{own}", 2.6)):
                yield site.put(text, "combined", cost)
            for text in (f"{own} * 2", f"{own} // 2", f"{own} / 2"):
                yield site.put(text, "combined", 3.2)
    for kind in kinds & {"list", "str"}:
        for name in (n for n, k in visible.items() if kind in k and n != site.text):
            cost = 2.6 if isinstance(site.parent, (ast.Return, ast.Assign)) else 3.2
            yield site.put(f"{name} + {own}", "combined", spread(cost, visible))
            yield site.put(f"{own} + {name}", "combined", spread(cost + 0.1, visible))
    for kind in kinds & {"set"}:
        for name in (n for n, k in visible.items() if kind in k and n != site.text):
            for operator in ("|", "-", "&"):
                yield site.put(f"{own} {operator} {name}", "combined", spread(3.0, visible))


def slices(site: Site) -> Iterator[Edit]:
    """A part of a sequence for the whole, the whole for a part, and other bounds of a part."""
    node = site.node
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _subscript(site, node)
    if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
        return
    kinds = site.scope.kinds(node)
    if not kinds & {"list", "str"} or (
        site.field in {"func", "value"} and isinstance(site.parent, (ast.Attribute, ast.Subscript))
    ):
        return
    passed = isinstance(site.parent, (ast.Call, ast.For, ast.comprehension, ast.Return, ast.BinOp))
    cost = 2.2 if passed else 3.0
    for part in ("[1:]", "[:-1]", "[::-1]"):
        yield site.put(f"{site.text}{part}", "slice", cost + (0.4 if part == "[::-1]" else 0.0))
    numbers = [n for n, k in site.visible().items() if "num" in k]
    for name in numbers:
        yield site.put(f"{site.text}[{name}:]", "slice", spread(cost + 0.4, numbers))
        yield site.put(f"{site.text}[:{name}]", "slice", spread(cost + 0.5, numbers))
        yield site.put(f"{site.text}[{name} + 1:]", "slice", spread(cost + 1.0, numbers))
        yield site.put(f"{site.text}[{name}]", "index", spread(cost + 1.0, numbers))
    for part in ("[0]", "[-1]"):
        yield site.put(f"{site.text}{part}", "index", cost + 0.8)


def _subscript(site: Site, node: ast.Subscript) -> Iterator[Edit]:
    base = site.source.operand(node.value)
    match node.slice:
        case ast.Slice(lower=lower, upper=upper, step=step):
            low = site.segment(lower) if lower else ""
            high = site.segment(upper) if upper else ""
            by = f":{site.segment(step)}" if step else ""
            others = {f"[{low}:{by}]": 1.8, f"[:{high}{by}]": 1.8, f"[{high}:{low}{by}]": 2.4}
            others |= {f"[{low or 0} + 1:{high}{by}]": 1.9, f"[{low}:{high or -1}{by}]": 2.4}
            others |= {f"[{low or 1}:{high}{by}]": 1.8, f"[{low}:{high}]": 2.2}
            others |= {f"[{low}:{high}:-1]": 2.8, f"[{low}::{high}]": 2.4}
            for other, cost in others.items():
                yield site.put(base + other, "slice", cost)
            yield site.put(base, "slice dropped", 2.2)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            yield site.put(f"{base}[0]", "index", 1.5)
            yield site.put(f"{base}[-2]", "index", 2.0)
        case ast.Constant(value=int(value)):
            yield site.put(f"{base}[-1]", "index", 1.5)
            yield site.put(f"{base}[{value}:]", "slice", 2.4)
        case _:
            yield site.put(base, "index dropped", 2.8)
