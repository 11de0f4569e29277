"""The page fetches all its modules at once: none is forgotten, and none is fetched in vain."""

import re
from pathlib import Path

from sidebar.html import HOST_MODULES, MODULES

STATIC = Path(__file__).parents[2] / "sidebar" / "static"


def imports(name):
    text = (STATIC / name).read_text("utf-8")
    folder = name.rpartition("/")[0]
    found = re.findall(r'^import .*? from "\./(.+?)";', text, re.MULTILINE)
    return {f"{folder}/{each}".lstrip("/") for each in found}


def test_every_module_that_the_page_comes_to_is_fetched_beside_it():
    known, new = set(), {"sidebar.js"}
    while new:
        name = new.pop()
        found = imports(name) - known
        known |= found
        new |= found
    assert known == {*MODULES, *HOST_MODULES}
