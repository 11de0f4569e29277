"""This file turns a decoded table into a typed one, and names the place of a mistake."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from server.errors import ConfigurationError

T = TypeVar("T")


def convert(values: Mapping[str, Any], kind: type[T], path: str) -> T:
    """*values* as *kind*. Raises ConfigurationError as in `server.bind: expected `str`, got `int``."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        # msgspec says "Expected `str`, got `int` - at `$.bind`"; ours puts the place first.
        text, _, place = str(error).partition(" - at `$")
        where = (path + place.rstrip("`")).lstrip(".")
        raise ConfigurationError(f"{where}: {text[0].lower()}{text[1:]}" if where else text) from error
