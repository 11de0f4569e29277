"""This file counts what a GraphQL query may cost at most, by Shopify's rules: objects one point, lists as announced.

https://shopify.dev/docs/api/usage/limits#calculating-query-costs
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

_PASSAGES = ("nodes", "edges")
"""Between a connection and what it holds; `edges.node` counts once, as `nodes` does."""


def requested_cost(document: DocumentNode, variables: Mapping[str, Any]) -> int:
    """Points for the whole document, before anything of it is looked up."""
    count = _Count(document, variables)
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    changes = [d for d in operations if d.operation is OperationType.MUTATION]
    # A mutation costs ten points, whatever it answers.
    extra = sum(10 * len(d.selection_set.selections) for d in changes)
    return extra + sum(count.of(d.selection_set) for d in operations)


def actual_cost(data: Any) -> int:
    """Points for what was really there."""
    if isinstance(data, list):
        return sum(actual_cost(item) for item in data)
    if isinstance(data, dict):
        inside = sum(actual_cost(value) for value in data.values())
        return inside + (0 if any(name in data for name in _PASSAGES) else 1)
    return 0


class _Count:
    def __init__(self, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._variables = variables

    def of(self, selections: SelectionSetNode) -> int:
        plain, alternatives = 0, [0]
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                plain += self._field(selection)
            elif isinstance(selection, FragmentSpreadNode):
                plain += self.of(self._fragments[selection.name.value].selection_set)
            elif isinstance(selection, InlineFragmentNode):
                # An object is only one of the types that are asked about.
                alternatives.append(self.of(selection.selection_set))
        return plain + max(alternatives)

    def _field(self, node: FieldNode) -> int:
        if node.selection_set is None or node.name.value == "pageInfo" or self._is_left_out(node):
            return 0
        inside = self.of(node.selection_set)
        if node.name.value in _PASSAGES:
            return inside if node.name.value == "edges" else 1 + inside
        many = self._announced(node)
        if many is None:
            return 1 + inside
        is_connection = any(
            isinstance(each, FieldNode) and each.name.value in _PASSAGES for each in node.selection_set.selections
        )
        return many * (inside if is_connection else 1 + inside)

    def _announced(self, node: FieldNode) -> int | None:
        for argument in node.arguments or ():
            if argument.name.value in ("first", "last"):
                value = self._value(argument.value)
                return int(value) if value is not None else None
        return None

    def _is_left_out(self, node: FieldNode) -> bool:
        for directive in node.directives or ():
            value = self._value(directive.arguments[0].value) if directive.arguments else None
            if directive.name.value in ("include", "skip") and bool(value) is (directive.name.value == "skip"):
                return True
        return False

    def _value(self, node: Any) -> Any:
        if isinstance(node, VariableNode):
            return self._variables.get(node.name.value)
        return int(node.value) if isinstance(node, IntValueNode) else getattr(node, "value", None)
