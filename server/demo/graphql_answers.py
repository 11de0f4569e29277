"""This file answers GraphQL the way a strict server does: what a type does not have is an error, not an empty field.

Where the vendor's schema is at hand the whole document is validated against it first; without it (the demo), every
field that is asked for must at least be one that the simulated shop knows.
"""

import gzip
import json
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    build_client_schema,
    get_variable_values,
    parse,
    validate,
)

SCHEMA_FILE = "shopify/admin_2026-10.json.gz"
Problem = dict[str, Any]
"""An error as it stands in an answer."""

# The words of the library's validation -> Shopify's, and its code for them
_WORDS = (
    (
        re.compile(r"Cannot query field '(\w+)' on type '(\w+)'\."),
        r"Field '\1' doesn't exist on type '\2'",
        "undefinedField",
    ),
    (
        re.compile(r"Unknown argument '(\w+)' on field '\w+\.(\w+)'\."),
        r"Field '\2' doesn't accept argument '\1'",
        "argumentNotAccepted",
    ),
)


@cache
def load_schema(specs: Path) -> GraphQLSchema:
    """The vendor's own schema, from the folder of specifications."""
    found = json.loads(gzip.decompress((specs / SCHEMA_FILE).read_bytes()))
    return build_client_schema(found.get("data", found), assume_valid=True)


class Answers:
    """Executes documents over plain dictionaries."""

    def __init__(self, schema: GraphQLSchema | None = None) -> None:
        self._schema = schema

    def read(self, text: str) -> DocumentNode | list[Problem]:
        """The document, or what is wrong with it."""
        try:
            document = parse(text)
        except GraphQLError as error:
            return [problem(error.message, "parseError")]
        if self._schema is not None and (errors := validate(self._schema, document)):
            return [_in_shopifys_words(error.message) for error in errors]
        return document

    def check_variables(self, document: DocumentNode, variables: dict[str, Any]) -> list[Problem]:
        """What is wrong with the variables, by the vendor's schema; nothing where that is not at hand."""
        if self._schema is None:
            return []
        found = get_variable_values(self._schema, operation_of(document).variable_definitions or (), variables)
        return [problem(error.message, "INVALID_VARIABLE") for error in found] if isinstance(found, list) else []

    def execute(
        self,
        document: DocumentNode,
        root: dict[str, Any],
        variables: dict[str, Any],
        *,
        refused: Collection[str] = (),
    ) -> tuple[dict[str, Any], list[Problem]]:
        """The data, and an error for each of the *refused* fields. Raises GraphQLError for one that is not there."""
        run = _Run(document, variables, refused)
        operation = operation_of(document)
        kind = "Mutation" if is_mutation(document) else "QueryRoot"
        return run.select(operation.selection_set, root, kind, ()), run.problems


def operation_of(document: DocumentNode) -> OperationDefinitionNode:
    """The one thing that a document asks for."""
    return next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))


def is_mutation(document: DocumentNode) -> bool:
    """Whether it changes something."""
    return operation_of(document).operation is OperationType.MUTATION


def problem(message: str, code: str, path: tuple[str | int, ...] = ()) -> Problem:
    """An error as it stands in an answer."""
    return {"message": message, "extensions": {"code": code}, **({"path": list(path)} if path else {})}


def _in_shopifys_words(message: str) -> Problem:
    for pattern, words, code in _WORDS:
        if match := pattern.match(message):
            return problem(match.expand(words), code)
    return problem(message, "invalid")


class _Run:
    def __init__(self, document: DocumentNode, variables: dict[str, Any], refused: Collection[str]) -> None:
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._variables = variables
        self._refused = refused
        self.problems: list[Problem] = []

    def select(
        self, selections: SelectionSetNode, source: dict[str, Any], kind: str, path: tuple[str | int, ...]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for selection in selections.selections:
            if not self._is_wanted(selection):
                continue
            if isinstance(selection, FieldNode):
                name = (selection.alias or selection.name).value
                found[name] = self._field(selection, source, kind, (*path, name))
            elif isinstance(selection, FragmentSpreadNode):
                found |= self.select(self._fragments[selection.name.value].selection_set, source, kind, path)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                if condition is None or condition.name.value == source.get("__typename"):
                    found |= self.select(selection.selection_set, source, kind, path)
        return found

    def _field(self, node: FieldNode, source: dict[str, Any], kind: str, path: tuple[str | int, ...]) -> Any:
        name = node.name.value
        if name not in source:
            raise GraphQLError(f"Field '{name}' doesn't exist on type '{source.get('__typename', kind)}'")
        if name in self._refused:
            self.problems.append(problem(f"Access denied for {name} field.", "ACCESS_DENIED", path))
            return None
        value = source[name]
        if callable(value):
            value = value(
                **{argument.name.value: self._value(argument.value) for argument in node.arguments or ()},
                **self._idempotency(node),
            )
        return self._complete(node, value, path)

    def _complete(self, node: FieldNode, value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, list):
            return [self._complete(node, item, (*path, place)) for place, item in enumerate(value)]
        if isinstance(value, dict) and node.selection_set is not None:
            return self.select(node.selection_set, value, node.name.value, path)
        return value

    def _is_wanted(self, selection: Any) -> bool:
        for directive in selection.directives or ():
            value = self._value(directive.arguments[0].value)
            if (directive.name.value == "include" and not value) or (directive.name.value == "skip" and value):
                return False
        return True

    def _idempotency(self, node: FieldNode) -> dict[str, str]:
        """The key of `@idempotent(key:)`, as one argument more."""
        found = [directive for directive in node.directives or () if directive.name.value == "idempotent"]
        return {"idempotent": str(self._value(found[0].arguments[0].value))} if found and found[0].arguments else {}

    def _value(self, node: Any) -> Any:
        return self._variables.get(node.name.value) if isinstance(node, VariableNode) else getattr(node, "value", None)
