"""Texts that would do harm if they were taken for markup, and a panel that holds one everywhere."""

from collections.abc import Mapping
from types import SimpleNamespace, UnionType
from typing import Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from sidebar.panel import Panel, Tone

PAYLOADS = (
    '"><img src=x onerror=__xss(1)>',
    "</script><script>__xss(2)</script>",
    "'-__xss(3)-'",
    "javascript:__xss(4)",
    "data:text/html,<script>__xss(5)</script>",
    "js:{a:__xss(5)}",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "{% raw %}{{ panel }}{% endraw %}",
    "<svg/onload=__xss(6)>",
    "--><script>__xss(7)</script><!--",
    "` onmouseover=__xss(8) `",
    "&lt;script&gt;__xss(9)&lt;/script&gt;",
    "line\u2028paragraph\u2029end",
    "turned \u202eabout\u202c, isolated \u2066so\u2069",
    "nothing\x00here\x1b[31m",
    "half \ud800 of a pair",
    "<" * 10_000,
)


def filled(kind, text):
    """A value of *kind* with *text* in every text of it, and one of everything that may be there or not."""
    if kind is str:
        return text
    if kind in (bool, int, float):
        return kind(1)
    if kind is Tone:
        return Tone.BAD
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        return (filled(inner[0], text), filled(inner[0], text))
    if origin is frozenset or origin is Mapping:
        return {text: filled(inner[1], text)}
    if origin in (Union, UnionType):
        return filled(next(one for one in inner if one is not type(None)), text)
    hints = get_type_hints(kind)
    return kind(**{field.name: filled(hints[field.name], text) for field in msgspec.structs.fields(kind)})


@pytest.fixture(scope="session")
def hostile():
    """`payloads`, and `panel(text)`."""
    return SimpleNamespace(payloads=PAYLOADS, panel=lambda text: filled(Panel, text))
