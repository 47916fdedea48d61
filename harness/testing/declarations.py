"""What is demanded of every declaration."""

from __future__ import annotations

from collections.abc import Mapping

from harness.seams import Declaration, Setting
from harness.testing.findings import CheckFailed


def demand_declaration(declared: Declaration) -> None:
    """Hold a declaration to have a summary of one line.

    Raises:
        CheckFailed: says what is missing.
    """
    summary = getattr(declared, "summary", "")
    if not summary.strip() or "\n" in summary:
        raise CheckFailed(f"summary is {summary!r}: say in one line what it is.")


def demand_settings(settings: Mapping[str, Setting]) -> None:
    """Hold settings to be explained, with a default that is among the choices.

    Raises:
        CheckFailed: says which setting and what is wrong with it.
    """
    for name, setting in settings.items():
        if not isinstance(setting, Setting):
            raise CheckFailed(f"Setting {name!r} is {setting!r}: give harness.Setting(default, help).")
        if not setting.help:
            raise CheckFailed(f"Setting {name!r} does not say what it does.")
        if setting.choices and setting.default not in setting.choices:
            raise CheckFailed(f"Setting {name!r} has the default {setting.default!r}, not one of {setting.choices}.")
