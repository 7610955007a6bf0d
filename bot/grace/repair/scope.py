"""What is in scope where an edit is made: names and what is known of their types, and donors."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from grace.repair.source import Function, Source, first_line

KINDS = {
    "int": "num", "float": "num", "complex": "num", "bool": "bool", "str": "str", "bytes": "str",
    "list": "list", "tuple": "list", "deque": "list", "range": "list", "dict": "dict",
    "defaultdict": "dict", "OrderedDict": "dict", "Counter": "dict", "set": "set",
    "frozenset": "set", "NoneType": "none", "function": "call", "type": "call",
    "builtin_function_or_method": "call", "method": "call", "module": "module",
}  # fmt: skip
# Longer ones are nobody's donors.
LONGEST_DONOR, LONGEST_CONSTANT = 60, 40
CALLS = {
    "len": "num", "sum": "num", "int": "num", "float": "num", "abs": "num", "round": "num",
    "ord": "num", "str": "str", "repr": "str", "chr": "str", "list": "list", "sorted": "list",
    "range": "list", "tuple": "list", "set": "set", "dict": "dict", "bool": "bool", "any": "bool",
    "all": "bool", "isinstance": "bool", "hash": "num", "frozenset": "set",
}  # fmt: skip

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

Kinds = frozenset[str]
UNKNOWN: Kinds = frozenset()


def kind_of(type_name: str) -> str:
    """Put a type into a kind whose members may stand for each other."""
    return KINDS.get(type_name, type_name)


def may_be(mine: Kinds, theirs: Kinds) -> bool:
    """Say whether values of two kinds may stand for each other; what is unknown may."""
    mine, theirs = mine - {"none"}, theirs - {"none"}
    if not mine or not theirs or mine & theirs:
        return True
    return {"num", "bool"} <= mine | theirs


@dataclass
class Scope:
    """What one function sees. `function` is None outside of functions."""

    source: Source
    function: Function | None
    types: Mapping[str, Mapping[str, set[str]]]

    @cached_property
    def around(self) -> list[Function]:
        """The functions that this one lies in, and itself, outermost first."""
        if self.function is None:
            return []
        return [
            f for f in self.source.functions_at(self.function.lineno) if f is not self.function
        ] + [self.function]

    @cached_property
    def names(self) -> dict[str, Kinds]:
        """The variables, nearest first, with the kinds of the values that were seen in them."""
        found: dict[str, Kinds] = {}
        for function in reversed(self.around):
            seen = self._seen(function)
            fields = (name for name in seen if name.startswith("self."))
            for name in (*_bound(function), *fields):
                found.setdefault(name, frozenset(kind_of(t) for t in seen.get(name, ())))
        if self.function is None:
            for node in self.source.tree.body:
                for name in _targets([node]):
                    found.setdefault(name, UNKNOWN)
        return found

    def _seen(self, function: Function) -> Mapping[str, set[str]]:
        """Merge what was seen in the function's own frame and in those of its comprehensions."""
        first, last = first_line(function), function.end_lineno or 0
        merged: dict[str, set[str]] = {}
        for where, names in self.types.items():
            file, _, line = where.rpartition(":")
            if file == self.source.path and first <= int(line) <= last:
                for name, types in names.items():
                    merged.setdefault(name, set()).update(types)
        return merged

    @cached_property
    def comprehended(self) -> set[str]:
        """Names that only comprehensions bind: nobody sees them outside of those."""
        inside: set[str] = set()
        targets: set[ast.AST] = set()
        for node in ast.walk(self.root):
            if isinstance(node, COMPREHENSIONS):
                inside.update(comprehension_targets(node))
                for generator in node.generators:
                    targets.update(ast.walk(generator.target))
        for node in ast.walk(self.root):
            if isinstance(node, ast.arg):
                inside.discard(node.arg)
            elif isinstance(node, ast.Name) and node not in targets:
                inside -= {node.id} if isinstance(node.ctx, ast.Store) else set()
        return inside

    @cached_property
    def globals(self) -> dict[str, Kinds]:
        """Names of the module: constants, and what can be called."""
        found: dict[str, Kinds] = {}
        for node in self.source.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found[node.name] = frozenset({"call"})
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                value = node.value
                for name in _targets([node]):
                    found[name] = self.kinds(value) if value is not None else UNKNOWN
        return found

    def kinds(self, node: ast.expr) -> Kinds:
        """Say of what kinds an expression's value may be; empty if that is not known."""
        match node:
            case ast.Name(id=name):
                return self.names.get(name, UNKNOWN)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self.names.get(f"self.{name}", UNKNOWN)
            case ast.Constant(value=value):
                return frozenset({kind_of(type(value).__name__)})
            case ast.JoinedStr():
                return frozenset({"str"})
            case ast.List() | ast.ListComp() | ast.Tuple():
                return frozenset({"list"})
            case ast.Dict() | ast.DictComp():
                return frozenset({"dict"})
            case ast.Set() | ast.SetComp():
                return frozenset({"set"})
            case ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return frozenset({"bool"})
            case ast.UnaryOp(operand=operand):
                return self.kinds(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(left, op, right)
            case ast.BoolOp(values=values):
                return frozenset().union(*(self.kinds(value) for value in values))
            case ast.IfExp(body=body, orelse=orelse):
                return self.kinds(body) | self.kinds(orelse)
            case ast.Call(func=ast.Name(id=name)):
                return frozenset({CALLS[name]}) if name in CALLS else UNKNOWN
            case ast.Subscript(value=value, slice=ast.Slice()):
                return self.kinds(value)
            case _:
                return UNKNOWN

    def _arithmetic(self, left: ast.expr, op: ast.operator, right: ast.expr) -> Kinds:
        mine, theirs = self.kinds(left), self.kinds(right)
        if isinstance(op, ast.Mult) and (mine | theirs) & {"list", "str"}:
            return (mine | theirs) & {"list", "str"}
        if isinstance(op, (ast.Sub, ast.Div, ast.FloorDiv, ast.Pow)) and not mine | theirs:
            return frozenset({"num"})
        return (mine or theirs) - {"bool"} or UNKNOWN

    @cached_property
    def root(self) -> ast.AST:
        """Where donors come from first: the function, or the whole file."""
        return self.around[0] if self.around else self.source.tree

    @cached_property
    def donors(self) -> dict[str, ast.expr]:
        """Expressions of the same function that may stand elsewhere in it, by text."""
        found: dict[str, ast.expr] = {}
        for node in ast.walk(self.root):
            if isinstance(node, (ast.Subscript, ast.Attribute, ast.Call, ast.BinOp, ast.Compare)):
                if isinstance(node, ast.Attribute) and _is_called(self.source, node):
                    continue
                if isinstance(getattr(node, "ctx", None), ast.Del):
                    continue
                text = self.source.segment(node)
                if len(text) <= LONGEST_DONOR and "\n" not in text:
                    found.setdefault(text, node)
        return found

    @cached_property
    def attributes(self) -> tuple[list[str], list[str]]:
        """Attributes that the file reads, and methods that it calls."""
        fields: dict[str, None] = {}
        methods: dict[str, None] = {}
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Attribute):
                (methods if _is_called(self.source, node) else fields)[node.attr] = None
        return list(fields), list(methods)

    @cached_property
    def constants(self) -> list[str]:
        """The constants of the file, as they are written."""
        found: dict[str, None] = {}
        for node in ast.walk(self.source.tree):
            if not isinstance(node, ast.Constant) or isinstance(node.value, (bytes, type(...))):
                continue
            if len(text := repr(node.value)) <= LONGEST_CONSTANT:
                found[text] = None
        return list(found)

    def conditions(self) -> Iterator[ast.expr]:
        """The conditions that the function tests."""
        for node in ast.walk(self.root):
            if isinstance(node, (ast.If, ast.While, ast.IfExp)):
                yield node.test
                if isinstance(node.test, ast.BoolOp):
                    yield from node.test.values

    def of_kind(self, wanted: Iterable[str]) -> list[str]:
        """The variables that were seen with a value of one of these kinds."""
        kinds = frozenset(wanted)
        return [name for name, seen in self.names.items() if seen & kinds]


def _is_called(source: Source, node: ast.AST) -> bool:
    parent, field = source.parents.get(node, (None, ""))
    return isinstance(parent, ast.Call) and field == "func"


def comprehension_targets(node: ast.AST) -> Iterator[str]:
    """The names that a comprehension binds."""
    for generator in getattr(node, "generators", []):
        for part in ast.walk(generator.target):
            if isinstance(part, ast.Name):
                yield part.id


def _bound(function: Function) -> Iterator[str]:
    """The names that a function binds: its arguments, then what it assigns."""
    arguments = function.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        yield argument.arg
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            yield extra.arg
    yield from _targets(function.body)


def _targets(statements: list[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.name
