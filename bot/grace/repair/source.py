"""One source file as text and as a syntax tree, with the text span of every node."""

import __future__

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from grace.repair.naturalness import Weight, oddity, weigh

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# What may stand as an operand anywhere without parentheses.
ATOMS = (
    ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.Call, ast.List, ast.Dict, ast.Set,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.JoinedStr,
)  # fmt: skip

# A text that means the same with parentheses around it.
ATOM = re.compile(r"[\w.]+")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text from `start` to `end` of a file.

    `cost`: the template's, lower is likelier. `line`: where it acts, counted from 1.
    """

    start: int
    end: int
    text: str
    template: str
    cost: float
    line: int
    # Whether the text may need parentheses where it is put.
    expression: bool = True


@dataclass(frozen=True, slots=True)
class Unit:
    """A statement at the top of a file, up to where the next begins."""

    start: int
    end: int
    line: int


@dataclass
class Source:
    """A parsed file. Raises SyntaxError for text that Python does not parse."""

    path: str
    text: str
    tree: ast.Module = field(init=False)
    _units: dict[Unit, tuple[str, Weight]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.text)

    @cached_property
    def starts(self) -> list[int]:
        """Index of the first character of each line, and one for the end."""
        found = [0]
        for line in self.lines:
            found.append(found[-1] + len(line))
        return found

    @cached_property
    def lines(self) -> list[str]:
        """The lines as Python counts them, each with its end."""
        return text_lines(self.text)

    def at(self, line: int, column: int) -> int:
        """Turn a line and a column, which counts bytes, into an index of characters."""
        text = self.lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode())
        return self.starts[line - 1] + column

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def operand(self, node: ast.expr) -> str:
        """The text of an expression, in parentheses unless it is an atom."""
        text = self.segment(node)
        return text if isinstance(node, ATOMS) else f"({text})"

    @cached_property
    def parents(self) -> dict[ast.AST, tuple[ast.AST, str]]:
        """Each node's parent, and by which field it hangs there."""
        found: dict[ast.AST, tuple[ast.AST, str]] = {}
        for node in ast.walk(self.tree):
            for name, value in ast.iter_fields(node):
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST) and not isinstance(
                        child,
                        ast.expr_context | ast.operator | ast.cmpop | ast.boolop | ast.unaryop,
                    ):
                        found[child] = (node, name)
        return found

    @cached_property
    def units(self) -> list[Unit]:
        lines = [first_line(statement) for statement in self.tree.body]
        ends = [*(self.starts[line - 1] for line in lines[1:]), len(self.text)]
        return [
            Unit(self.starts[line - 1], end, line)
            for line, end in zip(lines, ends, strict=True)
            if self.starts[line - 1] < end
        ]

    def unit_of(self, edit: Edit) -> Unit | None:
        for unit in self.units:
            if unit.start <= edit.start and edit.end <= unit.end and edit.start < unit.end:
                return unit
        return self.units[-1] if self.units and edit.start == self.units[-1].end else None

    def weighed(self, unit: Unit) -> tuple[str, Weight]:
        """What a unit means, as text, and how odd it is."""
        if unit not in self._units:
            tree = ast.parse(self.text[unit.start : unit.end])
            self._units[unit] = ast.dump(tree), weigh(tree)
        return self._units[unit]

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in ast.walk(self.tree) if isinstance(node, FUNCTIONS)]

    def functions_at(self, line: int) -> list[Function]:
        """The functions whose bodies a line is in, outermost first."""
        return [
            function
            for function in self.functions
            if function.body[0].lineno <= line <= (function.end_lineno or line)
        ]

    @cached_property
    def flags(self) -> int:
        """What the file's `from __future__` imports mean to the compiler."""
        flags = 0
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                for alias in node.names:
                    feature = getattr(__future__, alias.name)
                    flags = int(flags | feature.compiler_flag)
        return flags


def text_lines(text: str) -> list[str]:
    """Split a text where Python counts lines, which is not at form feeds and their like."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def first_line(node: ast.stmt) -> int:
    """The line that a statement begins at, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    """Apply edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The blocks of statements that hang directly at a node."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield block


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file with edits made: the whole text, and the one top statement that they are in.

    `key`: equal for candidates that mean the same. `swap`: the outermost function that all edits
    are in, by name and first line; None if one is outside of any. `oddity`: by how much odder the
    code became.
    """

    path: str
    text: str
    unit: str
    unit_line: int
    key: tuple[str, int, str]
    swap: tuple[str, int] | None
    oddity: float = 0.0


def candidate(source: Source, edits: tuple[Edit, ...]) -> Candidate | None:
    """Make edits in a file; None if it is no Python, changes nothing, or spans units."""
    units = {source.unit_of(edit) for edit in edits}
    unit = units.pop()
    if units or unit is None:
        return None
    unit_text = source.text[unit.start : unit.end]
    moved = tuple(
        replace(edit, start=edit.start - unit.start, end=edit.end - unit.start) for edit in edits
    )
    edited = _parenthesised(unit_text, moved)
    if edited is None:
        return None
    text, tree, dump = edited
    old_dump, old_weight = source.weighed(unit)
    if dump == old_dump:
        return None
    whole = source.text[: unit.start] + text + source.text[unit.end :]
    key = (source.path, unit.line, dump)
    odder = oddity(old_weight, weigh(tree))
    return Candidate(source.path, whole, text, unit.line, key, _swapped(source, edits), odder)


Parsed = tuple[str, ast.Module, str]


def _parenthesised(text: str, edits: tuple[Edit, ...]) -> Parsed | None:
    """Apply edits with parentheses around what they put, unless it means the same without."""
    plain = _parsed(applied(text, edits))
    if all(not edit.expression or ATOM.fullmatch(edit.text) for edit in edits):
        return plain
    wrapped = tuple(
        replace(edit, text=f"({edit.text})") if edit.expression else edit for edit in edits
    )
    safe = _parsed(applied(text, wrapped))
    if safe is None or (plain is not None and safe[2] == plain[2]):
        return plain
    return safe


def _parsed(text: str) -> Parsed | None:
    try:
        tree = ast.parse(text)
        return text, tree, ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _swapped(source: Source, edits: tuple[Edit, ...]) -> tuple[str, int] | None:
    found: set[tuple[str, int] | None] = set()
    for edit in edits:
        around = [
            function
            for function in source.functions
            if source.starts[function.body[0].lineno - 1] <= edit.start
            and edit.end <= source.starts[function.end_lineno or 0]
        ]
        found.add((around[0].name, first_line(around[0])) if around else None)
    return found.pop() if len(found) == 1 else None
