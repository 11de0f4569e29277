"""This file turns what a person typed into a search of Shopify's, in which it stays what it is: text.

https://shopify.dev/docs/api/usage/search-syntax
"""

import re

LONGEST = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SPECIAL = re.compile(r'([\\"])')
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,25}", re.ASCII)


def quoted(text: str) -> str:
    """A quoted value. Connectives, fields and wildcards in *text* are letters like any others."""
    return '"' + _SPECIAL.sub(r"\\\1", text) + '"'


def order_query(text: str) -> str:
    """The search for orders by e-mail, phone or name; empty where *text* can be none of them."""
    shown = " ".join(_CONTROL.sub(" ", text[: LONGEST + 1]).split())
    if not shown or len(shown) > LONGEST:
        return ""
    if "@" in shown:
        return f"email:{quoted(shown)}"
    name = shown.lstrip("#").strip()
    if not name:
        return ""
    by_name = f"name:{quoted(name)} OR name:{quoted('#' + name)}"
    digits = re.sub(r"\D", "", shown, flags=re.ASCII)
    if _PHONE.fullmatch(shown) and len(digits) >= 7:
        # Orders have no filter for phones; a bare value searches every field, and phones are kept without spaces.
        return f"{by_name} OR {quoted(('+' if shown.startswith('+') else '') + digits)}"
    return by_name
