"""This file is what merging the words of several sources has in common, whatever they are about."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from server.model import Said

T = TypeVar("T", bound=Struct)
Member = tuple[str, Said[T]]
"""A source's name and its word."""


def first_said(words: Sequence[Struct]) -> dict[str, Any]:
    """Each field as the first of *words* that says it."""
    values = astuple(words[0])
    for word in words[1:]:
        values = tuple([more if value is None else value for value, more in zip(values, astuple(word), strict=True)])
    return dict(zip(field_names(type(words[0])), values, strict=True))


def latest(said: Said[T]) -> float:
    """Sorts the latest word first."""
    return -max(said.at.values()).timestamp()


@cache
def field_names(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind))
