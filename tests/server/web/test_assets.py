"""What the page loads: how much of it, and from where."""

import gzip
import re

from server.web.assets import FILES

MOST = 60 * 1024


def test_style_and_scripts_stay_under_60_kb_gzipped():
    sizes = {name: len(gzip.compress(content)) for name, (_, content) in FILES.items()}
    assert sum(sizes.values()) < MOST, sizes
    assert {"sidebar.css", "sidebar.js", "vendor/zaf_sdk.js"} <= set(sizes)


def test_nothing_is_loaded_from_elsewhere():
    for name, (_, content) in FILES.items():
        if name.startswith("vendor/"):
            continue
        text = content.decode()
        assert not re.search(r"https?://|//cdn|@import|url\(", text), name
        assert not re.search(r"\beval\(|new Function|document\.write|\.style\b|setAttribute\(\"style\"", text), name


def test_every_import_is_served():
    for name, (kind, content) in FILES.items():
        if kind != "text/javascript" or name.startswith("vendor/"):
            continue
        for path in re.findall(r'from "\./([^"]+)"', content.decode()):
            assert path in FILES, f"{name} imports {path}"
