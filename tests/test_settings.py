"""Settings: what a declaration makes of what is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import DataError, Setting
from harness.settings import filled


def _content(value: str) -> str:
    """Return what a file holds; what was read once begins with a sign, and stays."""
    if not value or value.startswith("="):
        return value
    try:
        return f"={Path(value).read_text(encoding='utf-8')}"
    except FileNotFoundError:
        raise DataError(f"There is no file {value}.") from None


DECLARED = {"rule": Setting("", "A file.", read=_content), "count": Setting(1, "A number.")}


def test_a_setting_may_stand_for_the_content_of_a_file(tmp_path: Path) -> None:
    """A record holds what counted, whatever becomes of the file; what was read is not read again."""
    file = tmp_path / "rule.txt"
    file.write_text("short answers", encoding="utf-8")
    once = filled({"rule": str(file)}, DECLARED)
    file.unlink()

    assert once == {"rule": "=short answers", "count": 1}
    assert filled(once, DECLARED) == once
    assert filled({}, DECLARED) == {"rule": "", "count": 1}
    with pytest.raises(DataError, match="There is no file"):
        filled({"rule": str(file)}, DECLARED)
