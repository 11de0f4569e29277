"""What every test may use: the vendors' own schemas and recordings, where they are at hand."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def specs() -> Path:
    """The folder of vendor schemas and recorded payloads; a test that asks for it is skipped where it is absent."""
    beside = Path(__file__).parents[2] / "shared" / "specs"
    found = Path(os.environ.get("BEFOREHAND_SPECS", beside))
    if not (found / "SOURCES.md").exists():
        pytest.skip(f"no vendor schemas and recordings at {found} (set BEFOREHAND_SPECS)")
    return found
