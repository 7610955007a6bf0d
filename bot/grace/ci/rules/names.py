"""Which module's things the names of a file stand for."""

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass

_SAME = {
    "Cryptodome": "Crypto",
    "_pickle": "pickle",
    "cPickle": "pickle",
    "cloudpickle": "pickle",
}


@dataclass(frozen=True, slots=True)
class Names:
    """The imports of a file: `known` maps a local name to a dotted one.

    `own`: names that the file gives itself; `attributes`: names that stand after a dot in it.
    """

    known: dict[str, str]
    stars: tuple[str, ...]
    own: frozenset[str]
    attributes: frozenset[str]
    modules: frozenset[str]

    def dotted(self, name: str) -> str:
        """Return what a plain name stands for; itself where it was not imported."""
        if name in self.known:
            return self.known[name]
        if self.stars and name not in self.own and not hasattr(builtins, name):
            return f"{self.stars[0]}.{name}"
        return name

    def imported(self, name: str) -> bool:
        """Tell whether a plain name was imported."""
        return name in self.known

    def uses(self, *modules: str) -> bool:
        """Tell whether one of these modules, or a part of it, is imported anywhere in the file."""
        return any(top in self.modules for top in modules)


def names_of(tree: ast.Module) -> Names:
    """Read the imports of a file, wherever in it they stand."""
    known: dict[str, str] = {}
    stars: list[str] = []
    own: set[str] = set()
    attributes: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                known.update(_plain(node))
            case ast.ImportFrom(module=module, names=aliases):
                for alias in aliases:
                    if alias.name == "*":
                        stars.append(_same(module or ""))
                    else:
                        full = f"{module or ''}.{alias.name}"
                        known[alias.asname or alias.name] = _same(full)
            case ast.Attribute(attr=attr):
                attributes.add(attr)
            case ast.Name(id=name, ctx=ast.Store()):
                own.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                own.add(name)
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                own.add(name)
    modules = {path.partition(".")[0] for path in (*known.values(), *stars)}
    return Names(known, tuple(stars), frozenset(own), frozenset(attributes), frozenset(modules))


def _plain(node: ast.Import) -> Iterator[tuple[str, str]]:
    for alias in node.names:
        full = alias.name if alias.asname else alias.name.partition(".")[0]
        yield alias.asname or full, _same(full)


def _same(name: str) -> str:
    """Write modules that are copies of one another under one name."""
    top, dot, rest = name.partition(".")
    return f"{_SAME.get(top, top)}{dot}{rest}"
