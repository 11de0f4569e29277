"""This file is a condition of the policy: a CEL expression over facts of the order and its customer."""

import re
from collections.abc import Mapping
from typing import Any

import cel

from server.rules.condition_facts import EVERY_FACT, OTHER_FACTS
from server.rules.policy_table import suggestion

_TEXT_OR_COMMENT = re.compile(r"""r?(\"\"\"|\'\'\'|"|')(?:\\.|(?!\1).)*\1|//[^\n]*""", re.DOTALL)
_NAME = re.compile(r"\b(order|customer)((?:\s*\.\s*[A-Za-z_]\w*)+)(\s*\()?", re.ASCII)
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,", re.ASCII)
_UNKNOWN = (LookupError, ValueError, TypeError, RuntimeError, ArithmeticError)


class Condition:
    """A CEL expression over `order` and `customer`, compiled once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._program = cel.compile(text)

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether it is true. Where it cannot be told (a field it needs is unknown) the signal is kept: true."""
        try:
            return bool(self._program.execute(dict(facts)))
        except _UNKNOWN:
            return True

    def check(self) -> None:
        """Try it on orders of which everything is known. Raises ValueError where it cannot be asked of any."""
        for variable in {*self._program.variables()} - {*_LOOP.findall(self.text)}:
            if variable not in EVERY_FACT:
                raise ValueError(f"there is no {variable!r}; conditions ask about {' and '.join(EVERY_FACT)}")
        _check_names(self.text)
        for facts in (EVERY_FACT, OTHER_FACTS):
            self._try(facts)

    def _try(self, facts: Mapping[str, Any]) -> None:
        try:
            found = self._program.execute(dict(facts))
        except (ArithmeticError, LookupError):
            return  # of this order it cannot be told; of others it can
        except (TypeError, RuntimeError) as error:
            raise ValueError(str(error)) from error
        if not isinstance(found, bool):
            raise ValueError(f"it must be true or false, but for some orders it is {found!r}")  # noqa: TRY004


def _check_names(text: str) -> None:
    """Raise ValueError for a field that no order has, also where trying it out would not come to it."""
    for table, dotted, call in _NAME.findall(_TEXT_OR_COMMENT.sub("''", text)):
        known: Any = EVERY_FACT[table]
        fields = [field.strip() for field in dotted.split(".")[1:]]
        # What is called at the end is a function: order.tags.exists(...)
        for field in fields[:-1] if call else fields:
            if isinstance(known, Mapping) and field not in known:
                raise ValueError(f"no such field {field!r} in {table}{dotted}; {suggestion(field, known)}")
            known = known[field] if isinstance(known, Mapping) else None
