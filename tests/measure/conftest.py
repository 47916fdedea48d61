"""What tests of load share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.plugin_files import import_file


@pytest.fixture(scope="session")
def threads() -> Any:
    """Return the class of a server of known behaviour."""
    return import_file(Path(__file__).with_name("threads.py")).Threads
