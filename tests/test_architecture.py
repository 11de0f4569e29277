"""Imports go one way: server -> sidebar -> connectors. The contracts are in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_imports_keep_to_the_contracts() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_sql_is_nowhere_but_in_the_store() -> None:
    offenders = [
        str(path.relative_to(ROOT))
        for folder in ("server", "connectors", "sidebar")
        for path in (ROOT / folder).rglob("*.py")
        if "server/store" not in path.as_posix() and "import sqlite3" in path.read_text("utf-8")
    ]
    # `doctor` names the version of the library, and runs no SQL.
    assert offenders == ["server/administration.py"]
