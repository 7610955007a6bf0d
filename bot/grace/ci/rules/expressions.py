"""What an expression's value is, and what the calls in it do."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from grace.ci.rules import guards
from grace.ci.rules.names import Names
from grace.ci.rules.sources import (
    CARRIERS,
    CLEANING_METHODS,
    PARTS,
    REQUESTS,
    cleaned_by,
    of_call,
    of_request,
)
from grace.ci.rules.values import (
    OF_OPERATORS,
    Danger,
    Source,
    Value,
    combined,
    joined,
    literal,
)

MAX_STEPS: Final = 600_000
MAX_FOLLOWED: Final = 200_000
_FORMATS: Final = frozenset({"format", "join", "replace", "safe_substitute", "substitute"})
_ESCAPING: Final = "jinja2.Environment(autoescape)"
_RENDERS: Final = frozenset({"render", "render_to_string"})


class TooMuch(Exception):
    """The file takes more steps to read than any file of a person."""


@dataclass(slots=True)
class Budget:
    """How many more expressions are looked at in a file, and how many of them by following calls."""

    left: int = MAX_STEPS
    followed: int = MAX_FOLLOWED

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooMuch


class Rules(Protocol):
    """What is done with what is met on the way."""

    def inspect(self, call: "Call") -> None:
        """Look at a call."""
        ...

    def compare(self, place: "Place", node: ast.Compare, left: Value, right: Value) -> None:
        """Look at a comparison."""
        ...

    def follow(self, call: "Call") -> Value | None:
        """Return what a function of the same file returns; None where it is not followed."""
        ...


@dataclass(slots=True)
class Place:
    """One body of code while it is read: a module's, or a function's.

    `web` says how this answers requests, with `markup` or with `data`, empty where it does not;
    `handler`: a class whose methods do. `told` gets each finding. `functions` are those of the
    file that can be followed into, by the name that calls them; `module` is what the module holds.
    """

    names: Names
    told: Callable[[str, ast.AST, str], None]
    rules: Rules
    budget: Budget = field(default_factory=Budget)
    env: dict[str, Value] = field(default_factory=dict)
    module: dict[str, Value] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    function: str = ""
    web: str = ""
    handler: bool = False
    depth: int = 0
    returned: list[Value] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Call:
    """A call, its arguments read. `name` is dotted; `receiver` is what a method is called on."""

    node: ast.Call
    name: str
    receiver: Value
    args: tuple[Value, ...]
    keywords: dict[str, Value]
    place: Place

    @property
    def last(self) -> str:
        """Return the last part of the name."""
        return self.name.rpartition(".")[2]

    def given(self, at: int, *keywords: str) -> Value | None:
        """Return an argument by its place or keyword; None where it is not given."""
        if 0 <= at < len(self.args):
            return self.args[at]
        return next((self.keywords[k] for k in keywords if k in self.keywords), None)

    def node_of(self, at: int, *keywords: str) -> ast.expr | None:
        """Return the same argument as it is written."""
        if 0 <= at < len(self.node.args):
            return self.node.args[at]
        return next((k.value for k in self.node.keywords if k.arg in keywords), None)

    def says(self, keyword: str, value: object) -> bool:
        """Tell whether a keyword is given this literal."""
        found = self.keywords.get(keyword)
        return found is not None and found.literal is value


def value_of(place: Place, node: ast.expr | None) -> Value:
    """Read an expression, the calls in it included."""
    if node is None:
        return Value()
    place.budget.spend()
    match node:
        case ast.Constant(value=constant):
            return literal(constant)
        case ast.Name(id=name):
            return place.env.get(name) or _free(place, name)
        case ast.Attribute():
            return _attribute(place, node)
        case ast.Call():
            return _call(place, node)
        case ast.Subscript(value=inner, slice=at):
            return _subscript(place, value_of(place, inner), value_of(place, at), node)
        case ast.BinOp(left=left, right=right):
            return _operation(node, value_of(place, left), value_of(place, right))
        case ast.JoinedStr(values=values):
            return combined([value_of(place, each) for each in values])
        case ast.FormattedValue(value=inner, conversion=how):
            shown = value_of(place, inner)
            quoted = frozenset({Danger.LOG, Danger.HEADER}) if how in {97, 114} else frozenset()
            return shown.without(quoted)
        case ast.Await(value=inner) | ast.Starred(value=inner) | ast.YieldFrom(value=inner):
            return value_of(place, inner)
        case _:
            return _compound(place, node)


def _compound(place: Place, node: ast.expr) -> Value:
    match node:
        case ast.Compare(left=left, comparators=others):
            values = [value_of(place, left), *(value_of(place, each) for each in others)]
            place.rules.compare(place, node, values[0], values[1])
            return Value()
        case ast.NamedExpr(target=target, value=inner):
            place.env[target.id] = value_of(place, inner)
            return place.env[target.id]
        case ast.IfExp(test=test, body=body, orelse=other):
            value_of(place, test)
            first = _under(place, guards.holds(place.env, test), body)
            return joined([first, _under(place, guards.fails(place.env, test), other)])
        case ast.BoolOp(values=values):
            return joined([value_of(place, each) for each in values])
        case ast.List(elts=elts) | ast.Tuple(elts=elts) | ast.Set(elts=elts):
            return joined([value_of(place, each) for each in elts], name="[]")
        case ast.Dict(keys=keys, values=values):
            parts = [value_of(place, each) for each in (*keys, *values) if each is not None]
            return joined(parts, name="{}")
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return _comprehension(place, node)
        case ast.Lambda(body=body):
            _under(place, {}, body)
            return Value(name="lambda")
        case _:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    value_of(place, child)
            return Value()


def _under(place: Place, cleaned: dict[str, Value], node: ast.expr) -> Value:
    """Read an expression with some variables known better, and forget that afterwards."""
    before = dict(place.env)
    place.env.update(cleaned)
    found = value_of(place, node)
    place.env.clear()
    place.env.update(before)
    return found


def _free(place: Place, name: str) -> Value:
    dotted = place.names.dotted(name)
    return Value(name=dotted, fixed=place.names.imported(name) or name.isupper())


def _attribute(place: Place, node: ast.Attribute) -> Value:
    base, part = value_of(place, node.value), node.attr
    written = dotted_text(node)
    if written in place.env:
        return place.env[written]
    name = f"{base.name}.{part}"
    if base.name in REQUESTS and part in PARTS and not base.dangers:
        return of_request(part, node.lineno)
    if not base.dangers:
        return Value(name=name, fixed=base.fixed)
    read = base.named(name)
    match part:
        case "name" | "stem" | "suffix" if base.name.startswith("pathlib."):
            return read.without(frozenset({Danger.PATH}))
        case "filename":
            return replace(read, upload=True)
        case "netloc" | "hostname" | "scheme" | "path" | "parents" | "parent":
            return replace(read, root=base.root or dotted_text(node.value))
        case _:
            return read


def dotted_text(node: ast.expr) -> str:
    """Write `a.b.c` as it stands; empty for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=attr):
            before = dotted_text(inner)
            return f"{before}.{attr}" if before else ""
        case _:
            return ""


def _subscript(place: Place, base: Value, key: Value, node: ast.Subscript) -> Value:
    if base.name == "sys.argv":
        return Value(OF_OPERATORS, Source.OPERATOR, "sys.argv", said="sys.argv", line=node.lineno)
    if base.name in {"globals()", "locals()"} and Danger.CODE in key.dangers:
        place.told("GR002", node, told_of(key, f"{base.name}[]"))
    return base.named(f"{base.name}[]")


def _operation(node: ast.BinOp, left: Value, right: Value) -> Value:
    match node.op:
        case ast.Add() | ast.Mod() | ast.Div():
            made = combined([left, right])
            if isinstance(node.op, ast.Mod) and left.text is not None:
                head = literal(left.text.partition("%")[0])
                made = combined([head, replace(joined([left, right]), text=None, fixed=False)])
                made = replace(made, text=left.text)
            if left.name.startswith("pathlib.") or isinstance(node.op, ast.Div):
                made = replace(made, name=left.name)
            return made
        case ast.Mult():
            return replace(joined([left, right]), name="", text=left.text, literal=...)
        case _:
            return Value(fixed=left.fixed and right.fixed)


def _comprehension(
    place: Place, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Value:
    before = dict(place.env)
    for each in node.generators:
        over = value_of(place, each.iter)
        bind(place, each.target, over.named(f"{over.name}[]"))
        for test in each.ifs:
            value_of(place, test)
            place.env.update(guards.holds(place.env, test))
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    found = joined([value_of(place, part) for part in parts], name="[]")
    place.env.clear()
    place.env.update(before)
    return found


def bind(place: Place, target: ast.expr, value: Value) -> None:
    """Give a target of an assignment its value."""
    match target:
        case ast.Name(id=name):
            place.env[name] = value
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            for each in elts:
                bind(place, each, value.named(f"{value.name}[]"))
        case ast.Starred(value=inner):
            bind(place, inner, value)
        case ast.Attribute():
            written = dotted_text(target)
            if written:
                place.env[written] = value
        case ast.Subscript(value=ast.Name(id=name)):
            place.env[name] = joined([place.env.get(name, Value(name="{}")), value])
        case _:
            return


def _call(place: Place, node: ast.Call) -> Value:
    if isinstance(node.func, ast.Attribute):
        receiver = value_of(place, node.func.value)
        known = place.env.get(dotted_text(node.func))
        name = known.name if known else f"{receiver.name}.{node.func.attr}"
    else:
        receiver, name = Value(), value_of(place, node.func).name
    args = tuple(value_of(place, each) for each in node.args)
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        keywords[keyword.arg or "**"] = value_of(place, keyword.value)
    call = Call(node, name, receiver, args, keywords, place)
    place.rules.inspect(call)
    return _result(call, [*args, *keywords.values()])


def _result(call: Call, given: Sequence[Value]) -> Value:
    name, receiver = call.name, call.receiver
    if receiver.name in REQUESTS and call.last in PARTS and not receiver.dangers:
        return of_request(call.last, call.node.lineno)
    followed = call.place.rules.follow(call)
    if followed is not None:
        return followed
    if name == "jinja2.Environment" and not call.says("autoescape", value=False):
        return Value(name=_ESCAPING if "autoescape" in call.keywords else "jinja2.Environment()")
    brought = of_call(name, call.node.lineno)
    if brought is not None:
        return brought
    whole = joined(given)
    if name == "min" and any(each.fixed for each in given):
        whole = whole.without(frozenset({Danger.SIZE}))
    cleaned = cleaned_by(name, whole)
    if cleaned is not None:
        return replace(cleaned, name=f"{name}()", text=None, literal=..., fixed=False)
    if isinstance(call.node.func, ast.Attribute) and call.last in _FORMATS:
        return _formatted(call, given)
    if name in CARRIERS:
        root = ""
        if name in {"urllib.parse.urlparse", "urllib.parse.urlsplit"} and call.node.args:
            root = dotted_text(call.node.args[0])
        return replace(whole, name=f"{name}()", text=None, literal=..., fixed=False, root=root)
    if call.last in _RENDERS:
        return _rendered(call, whole)
    if call.last == "resolve" and receiver.name.startswith(("pathlib.", "os.path.")):
        return replace(receiver, name="os.path.realpath()", text=None, literal=..., fixed=False)
    if receiver.dangers and call.last in {"get", "getlist", "pop", "setdefault", "getvalue"}:
        return receiver.named(f"{name}()")
    taken = CLEANING_METHODS.get(call.last, frozenset())
    return replace(receiver.without(taken).named(f"{name}()"), built=receiver.built)


def _formatted(call: Call, given: Sequence[Value]) -> Value:
    """Return what `format`, `join`, `replace` and templates of the standard library make."""
    receiver = call.receiver
    if call.last == "replace":
        old = call.given(0)
        broken = old is not None and old.text in {"\n", "\r", "\r\n"}
        taken = frozenset({Danger.LOG, Danger.HEADER}) if broken else frozenset()
        return receiver.without(taken).named("str()")
    if call.last == "join":
        parts = joined([receiver, *given])
        return replace(parts, name="str()", text=None, literal=..., built=not parts.fixed)
    begin = literal((receiver.text or "").partition("{")[0].partition("$")[0])
    rest = replace(joined([receiver, *given]), text=None, fixed=False)
    return replace(combined([begin, rest]), name="str()", text=receiver.text)


def _rendered(call: Call, given: Value) -> Value:
    """Return what a template makes: markup is escaped but by jinja2 as it comes."""
    origin = call.receiver.name
    if origin.startswith("jinja2.") and not origin.startswith(_ESCAPING):
        return replace(given, name=f"{call.name}()", text=None, literal=..., fixed=False)
    escaped = given.without(frozenset({Danger.MARKUP}))
    return replace(escaped, name=f"{call.name}()", text=None, literal=..., fixed=False)


def told_of(value: Value, where: str) -> str:
    """Say which source reaches which place."""
    said = value.said or "a value of the caller"
    line = f" (line {value.line})" if value.line else ""
    return f"{said}{line} reaches {where}"
