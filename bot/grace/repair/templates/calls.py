"""Templates for calls: arguments, the function called, a call put around or taken away."""

import ast
from collections.abc import Iterator

from grace.repair.source import Edit
from grace.repair.templates.site import TWO, Site, spread

# What is mistaken for what. Each family's members are tried for each other.
FAMILIES = (
    ("min", "max"), ("any", "all"), ("floor", "ceil", "round", "trunc"), ("append", "extend"),
    ("add", "update"), ("append", "appendleft"), ("pop", "popleft"), ("remove", "discard"),
    ("strip", "lstrip", "rstrip"), ("lower", "upper", "title", "capitalize"),
    ("startswith", "endswith"), ("find", "rfind", "index"), ("keys", "values", "items"),
    ("sorted", "reversed", "list"), ("union", "intersection", "difference"),
    ("issubset", "issuperset"), ("isdigit", "isalpha", "isalnum"), ("split", "rsplit", "partition"),
    ("int", "float", "round"), ("str", "repr"), ("list", "set", "tuple"), ("sum", "max", "len"),
    ("heappush", "heappop"), ("read", "readline", "readlines"), ("get", "pop", "setdefault"),
    ("search", "match", "fullmatch"), ("copy", "deepcopy"), ("ljust", "rjust", "center"),
    ("enumerate", "zip"), ("heappop", "heappushpop"), ("insert", "append"),
)  # fmt: skip
WRAPS = {
    "num": ("abs", "int", "round", "float", "str"),
    "str": ("len", "int", "float", "list", "sorted", "set", "repr"),
    "list": (
        "len",
        "sorted",
        "list",
        "set",
        "sum",
        "tuple",
        "max",
        "min",
        "reversed",
        "any",
        "all",
    ),
    "dict": ("len", "list", "sorted", "dict"),
    "set": ("len", "sorted", "list", "set"),
}
METHODS = {
    "str": ("strip()", "lower()", "upper()", "split()", "rstrip()", "casefold()", "encode()"),
    "list": ("copy()",),
    "dict": ("copy()", "items()", "values()", "keys()"),
    "set": ("copy()",),
    "num": (),
}
USUAL = {"sorted": 0.6, "len": 0.4, "abs": 0.4, "strip()": 0.6, "lower()": 0.6, "copy()": 1.0}


def calls(site: Site) -> Iterator[Edit]:
    """Arguments exchanged, dropped or given; another function; the call taken away; `await`."""
    node = site.node
    if not isinstance(node, ast.Call):
        return
    arguments = node.args
    for i, first in enumerate(arguments):
        for j in range(i + 1, len(arguments)):
            span = site.source.span(first)[0], site.source.span(arguments[j])[1]
            between = site.source.text[
                site.source.span(first)[1] : site.source.span(arguments[j])[0]
            ]
            text = f"{site.segment(arguments[j])}{between}{site.segment(first)}"
            yield site.plain(span, text, "arguments exchanged", 1.3 + 0.4 * (j - i - 1))
    own = site.scope.function.name if site.scope.function is not None else ""
    itself = isinstance(node.func, ast.Name) and node.func.id == own
    for argument in arguments:
        if not isinstance(argument, (ast.Starred, ast.GeneratorExp)):
            only = 0.0 if len(arguments) == 1 else 0.5
            text = site.segment(argument)
            yield site.put(text, "call taken away", (2.0 if itself else 2.4) + only)
    if isinstance(node.func, ast.Attribute):
        yield site.put(site.segment(node.func.value), "call taken away", 2.4)
    yield from _renamed(site, node)
    yield from _arguments(site, node)
    if any(isinstance(f, ast.AsyncFunctionDef) for f in site.scope.around):
        if isinstance(site.parent, ast.Await):
            return
        yield site.put(f"await {site.text}", "await", 1.6)


def _renamed(site: Site, node: ast.Call) -> Iterator[Edit]:
    match node.func:
        case ast.Name(id=name):
            before = ""
        case ast.Attribute(value=value, attr=name):
            before = f"{site.source.operand(value)}."
        case _:
            return
    for family in FAMILIES:
        for other in family if name in family else ():
            if other != name:
                text = before + other
                yield site.instead(node.func, text, "function called", spread(1.2, family[:-1]))


def _arguments(site: Site, node: ast.Call) -> Iterator[Edit]:
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    inner = [site.segment(argument) for argument in [*node.args]]
    function = site.segment(node.func)
    keywords = [f"{k.arg}={site.segment(k.value)}" for k in node.keywords if k.arg]

    def call(*arguments: str) -> str:
        return f"{function}({', '.join(arguments)})"

    for index in range(len(inner)):
        if len(inner) > 1:
            rest = inner[:index] + inner[index + 1 :]
            yield site.put(call(*rest, *keywords), "argument dropped", 2.6)
    for index in range(len(keywords)):
        rest = keywords[:index] + keywords[index + 1 :]
        yield site.put(call(*inner, *rest), "argument dropped", 2.4)
    yield from _given(site, node)
    if name in {"sorted", "sort"} and not any(k.startswith("reverse") for k in keywords):
        yield site.put(call(*inner, *keywords, "reverse=True"), "argument given", 1.8)
    if name == "pop" and not inner:
        yield site.put(call("0"), "argument given", 1.8)
    if name in {"get", "pop", "next", "getattr"} and len(inner) in {1, 2}:
        for default in ("0", "None", "[]", "''"):
            yield site.put(call(*inner, default), "argument given", 2.4)
    if name == "range" and len(inner) == 1:
        yield site.put(call("1", *inner), "bound", 1.8)
        yield site.put(call("1", f"{inner[0]} + 1"), "bound", 2.0)
    if name == "range" and len(inner) == TWO:
        yield site.put(call(*inner, "-1"), "argument given", 2.6)
        yield site.put(call(f"{inner[0]} + 1", f"{inner[1]} + 1"), "bound", 2.4)
    if name == "enumerate" and len(inner) == 1:
        yield site.put(call(*inner, "1"), "argument given", 2.0)
    if name in {"split", "rsplit", "join"} and len(inner) < TWO:
        yield site.put(call(*(inner or ["' '"]), "1"), "argument given", 2.8)
        yield site.put(call(), "argument dropped", 2.4)
    if name == "sum" and len(inner) == 1:
        yield site.put(call(*inner, "[]"), "argument given", 3.0)
    if name == "round" and len(inner) == 1:
        yield site.put(call(*inner, "2"), "argument given", 2.6)


def _given(site: Site, node: ast.Call) -> Iterator[Edit]:
    """An argument more for a function of the file that takes more."""
    called = getattr(node.func, "id", getattr(node.func, "attr", ""))
    for function in site.source.functions:
        names = [a.arg for a in function.args.args if a.arg not in {"self", "cls"}]
        used = len(node.args) + len(node.keywords)
        if function.name != called or used >= len(names):
            continue
        inner = [site.segment(a) for a in node.args]
        for name in site.visible():
            likely = 0.0 if name == names[len(inner)] else 0.6
            text = f"{site.segment(node.func)}({', '.join([*inner, name])})"
            if not node.keywords:
                yield site.put(text, "argument given", spread(2.0 + likely, site.visible()))
        for text, donor in site.scope.donors.items():
            if isinstance(donor, (ast.BinOp, ast.Subscript, ast.Attribute)) and not node.keywords:
                whole = f"{site.segment(node.func)}({', '.join([*inner, text])})"
                yield site.put(whole, "argument given", spread(2.6, site.scope.donors))


def wraps(site: Site) -> Iterator[Edit]:
    """A call put around an expression, or a method called of it."""
    node = site.node
    if not isinstance(node, ast.expr) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    if isinstance(node, (ast.Constant, ast.Slice, ast.Starred, ast.GeneratorExp)):
        return
    if site.field in {"func", "keywords"} or isinstance(site.parent, (ast.Expr, ast.Attribute)):
        return
    kinds = site.scope.kinds(node)
    for kind in kinds & set(WRAPS):
        for name in WRAPS[kind]:
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == name):
                yield site.put(f"{name}({site.text})", "call put", 3.0 - USUAL.get(name, 0.0))
        for method in METHODS[kind]:
            text = f"{site.operand}.{method}"
            yield site.put(text, "call put", 3.0 - USUAL.get(method, 0.0))
    if not kinds:
        for name in ("len", "sorted", "abs", "int", "str", "list"):
            yield site.put(f"{name}({site.text})", "call put", 3.6 - USUAL.get(name, 0.0))
        for method in ("strip()", "lower()", "copy()", "items()"):
            yield site.put(f"{site.operand}.{method}", "call put", 3.8 - USUAL.get(method, 0.0))
    yield from _bounded(site, node)
    yield from _own(site)
    yield from _looked_up(site, node)


def _bounded(site: Site, node: ast.expr) -> Iterator[Edit]:
    """Bound a number that is assigned or returned: `x = max(x, e)`, `max(0, e)`."""
    if not isinstance(site.parent, (ast.Assign, ast.Return, ast.AugAssign)):
        return
    kinds = site.scope.kinds(node)
    if site.field != "value" or (kinds and not kinds & {"num", "bool"}):
        return
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"min", "max"}:
        return
    others = ["0"]
    if isinstance(site.parent, ast.Assign) and len(site.parent.targets) == 1:
        others.insert(0, site.segment(site.parent.targets[0]))
    for index, other in enumerate(others):
        known = 0.0 if kinds else 0.6
        loop = 0.0 if site.enclosing(ast.For, ast.While) else 0.6
        for name in ("max", "min"):
            cost = 2.4 + known + loop + (0.2 if name == "min" else 0.0)
            text = f"{name}({other}, {site.text})"
            if other == site.text:
                continue
            yield site.put(text, "bounded", cost + 0.1 * index)


def _own(site: Site) -> Iterator[Edit]:
    """Call a function of the file that takes one argument."""
    for node in site.source.tree.body:
        if isinstance(node, ast.FunctionDef) and len(node.args.args) == 1:
            yield site.put(f"{node.name}({site.text})", "call put", spread(3.0, site.scope.globals))


def _looked_up(site: Site, node: ast.expr) -> Iterator[Edit]:
    """`d.get(k, ...)` for `d[k]`, and the other way."""
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        base = site.scope.kinds(node.value)
        if not base or "dict" in base:
            unsure = 0.0 if base else 1.0
            value, key = site.source.operand(node.value), site.segment(node.slice)
            for default in ("0", "None", "[]"):
                text = f"{value}.get({key}, {default})"
                yield site.put(text, "lookup", 2.4 + unsure)
