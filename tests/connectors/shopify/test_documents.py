"""This file tests that what we ask Shopify is valid under its own schema, current, and cheap."""

import gzip
import json
from pathlib import Path

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_client_schema,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from graphql.validation import NoDeprecatedCustomRule

from connectors.shopify import action_documents as actions
from connectors.shopify.documents import DOCUMENTS, VERSION

MOST_POINTS = 450
"""A shop on the smallest plan gets 100 points a second, and no query may cost more than 1,000."""


@pytest.fixture(scope="session")
def schema(specs: Path) -> GraphQLSchema:
    with gzip.open(specs / f"shopify/admin_{VERSION}.json.gz") as file:
        found = json.load(file)
    return build_client_schema(found.get("data", found), assume_valid=True)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_valid_and_holds_nothing_deprecated(schema: GraphQLSchema, name: str) -> None:
    document = parse(DOCUMENTS[name])
    assert validate(schema, document) == []
    assert validate(schema, document, [NoDeprecatedCustomRule]) == []


CHANGES = {
    "RefundOrder": actions.REFUND_ORDER,
    "CancelOrder": actions.CANCEL_ORDER,
    "ChangeAddress": actions.CHANGE_ADDRESS,
    "CreditCustomer": actions.CREDIT_CUSTOMER,
    **{f"HoldOrder {parts}": actions.hold_order(parts) for parts in (1, 2, actions.MOST_PARTS)},
    **{f"ReleaseOrder {parts}": actions.release_order("ReleaseOrder", parts) for parts in (1, 2, actions.MOST_PARTS)},
    "OverrideFraudHold": actions.release_order("OverrideFraudHold", 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_is_valid_and_holds_nothing_deprecated(schema: GraphQLSchema, name: str) -> None:
    document = parse(CHANGES[name])
    assert validate(schema, document) == []
    assert validate(schema, document, [NoDeprecatedCustomRule]) == []
    operation = next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    assert operation.name is not None
    assert operation.name.value == name.split()[0]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_affordable(schema: GraphQLSchema, name: str) -> None:
    assert 0 < _Price(schema, DOCUMENTS[name]).points() <= MOST_POINTS


class _Price:
    """The most that a query can cost, as Shopify documents it: objects 1, a list its `first` times what is in it."""

    def __init__(self, schema: GraphQLSchema, text: str) -> None:
        document = parse(text)
        self.schema = schema
        self.fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.operation = next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))

    def points(self) -> int:
        assert self.schema.query_type is not None
        return self._of(self.operation.selection_set, self.schema.query_type)

    def _of(self, selected: SelectionSetNode, parent: GraphQLObjectType) -> int:
        total = 0
        for node in selected.selections:
            if isinstance(node, FragmentSpreadNode):
                total += self._of(self.fragments[node.name.value].selection_set, parent)
            elif isinstance(node, InlineFragmentNode):
                total += 0  # of a union only one part counts, and ours hold scalars
            elif isinstance(node, FieldNode) and node.selection_set is not None:
                total += self._field(node, parent)
        return total

    def _field(self, node: FieldNode, parent: GraphQLObjectType) -> int:
        kind = get_named_type(parent.fields[node.name.value].type)
        first = next((int(arg.value.value) for arg in node.arguments or () if arg.name.value == "first"), 1)  # type: ignore[attr-defined]
        if is_leaf_type(kind) or not isinstance(kind, GraphQLObjectType):
            return first
        assert node.selection_set is not None
        if node.name.value in ("nodes", "pageInfo"):
            return self._of(node.selection_set, kind)  # the list itself has been counted
        return first * (1 + self._of(node.selection_set, kind))
