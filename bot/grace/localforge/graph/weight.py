"""What a query costs: by its shape alone, before it runs.

Source: "Rate limits and query limits for the GraphQL API" in GitHub's documentation: one request
for each parent of each connection, summed and divided by 100; at most 500,000 nodes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

MAX_NODES: Final = 500_000


@dataclass(frozen=True, slots=True)
class Weight:
    """`requests` are connections times their parents; `nodes` is what they may return."""

    requests: int = 0
    nodes: int = 0

    @property
    def cost(self) -> int:
        return max(round(self.requests / 100), 1)

    def __add__(self, other: "Weight") -> "Weight":
        return Weight(self.requests + other.requests, self.nodes + other.nodes)


@dataclass(frozen=True, slots=True)
class _Scale:
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]

    def weigh(self, selections: SelectionSetNode | None, parents: int) -> Weight:
        total = Weight()
        for selection in selections.selections if selections is not None else ():
            match selection:
                case FieldNode():
                    size = self._size(selection)
                    inner = parents
                    if size is not None:
                        inner = parents * size
                        total += Weight(parents, inner)
                    total += self.weigh(selection.selection_set, inner)
                case InlineFragmentNode():
                    total += self.weigh(selection.selection_set, parents)
                case FragmentSpreadNode():
                    fragment = self.fragments[selection.name.value]
                    total += self.weigh(fragment.selection_set, parents)
        return total

    def _size(self, field: FieldNode) -> int | None:
        for argument in field.arguments or ():
            if argument.name.value not in {"first", "last"}:
                continue
            match argument.value:
                case IntValueNode(value=text):
                    return int(text)
                case VariableNode(name=name):
                    value = self.variables.get(name.value)
                    return value if isinstance(value, int) else None
        return None


def weigh(
    document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Weight:
    """Return the weight of a valid document's operation; `variables` include the defaults."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    return _Scale(fragments, variables).weigh(operation.selection_set, 1)
