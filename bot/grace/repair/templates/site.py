"""A place in the code where templates may make an edit."""

import ast
import math
from collections.abc import Iterable
from dataclasses import dataclass

from grace.repair.scope import COMPREHENSIONS, Kinds, Scope, comprehension_targets, may_be
from grace.repair.source import FUNCTIONS, Edit, Source, bodies

# An operator, a call or a pair has so many.
TWO = 2


@dataclass(frozen=True, slots=True)
class Site:
    """An expression or statement, with its file and what is in scope there."""

    source: Source
    scope: Scope
    node: ast.expr | ast.stmt

    @property
    def text(self) -> str:
        return self.source.segment(self.node)

    @property
    def parent(self) -> ast.AST:
        return self.source.parents[self.node][0]

    @property
    def field(self) -> str:
        return self.source.parents[self.node][1]

    @property
    def operand(self) -> str:
        assert isinstance(self.node, ast.expr)
        return self.source.operand(self.node)

    def segment(self, node: ast.expr | ast.stmt) -> str:
        return self.source.segment(node)

    def put(self, text: str, template: str, cost: float) -> Edit:
        """Replace the whole node."""
        return self.instead(self.node, text, template, cost)

    def instead(self, node: ast.expr | ast.stmt, text: str, template: str, cost: float) -> Edit:
        """Replace a node below this one."""
        start, end = self.source.span(node)
        expression = isinstance(node, ast.expr)
        return Edit(start, end, text, template, cost, node.lineno, expression)

    def plain(self, span: tuple[int, int], text: str, template: str, cost: float) -> Edit:
        """Replace a span by a text that never wants parentheses."""
        return Edit(span[0], span[1], text, template, cost, self.node.lineno, expression=False)

    def visible(self) -> dict[str, Kinds]:
        """The variables in scope here: those of comprehensions only inside of them."""
        hidden = self.scope.comprehended
        if not hidden:
            return self.scope.names
        inner = self._comprehended()
        return {
            name: kinds
            for name, kinds in self.scope.names.items()
            if name not in hidden or name in inner
        }

    def _comprehended(self) -> set[str]:
        found: set[str] = set()
        node: ast.AST = self.node
        while not isinstance(node, (ast.stmt, ast.Module)):
            if isinstance(node, COMPREHENSIONS):
                found |= set(comprehension_targets(node))
            node = self.source.parents[node][0]
        return found

    def in_block(self) -> bool:
        """Say whether this statement is one of a block of its parent's."""
        return any(self.node in block for block in bodies(self.parent))

    def alike(self, kinds: Kinds) -> list[str]:
        """Visible variables whose values may stand for values of these kinds."""
        return [name for name, mine in self.visible().items() if may_be(kinds, mine)]

    def enclosing(self, *kinds: type[ast.AST]) -> ast.AST | None:
        """The nearest node of some kinds around this one, inside the function."""
        node: ast.AST = self.node
        while node in self.source.parents:
            node = self.source.parents[node][0]
            if isinstance(node, kinds):
                return node
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                return None
        return None


def spread(cost: float, among: Iterable[object]) -> float:
    """A template's cost where it has many ways: each is the less likely."""
    return cost + 0.35 * math.log(max(1, len(list(among))))
