"""Checks that every declaration shares."""

from __future__ import annotations

from collections.abc import Mapping

from harness.seams import Declaration, Setting
from harness.testing.findings import CheckFailed


def demand_declaration(declared: Declaration) -> None:
    """Raise CheckFailed unless a declaration has a summary of one line."""
    summary = getattr(declared, "summary", "")
    if not summary.strip() or "\n" in summary:
        raise CheckFailed(f"summary is {summary!r}: describe it in one line.")


def demand_settings(settings: Mapping[str, Setting]) -> None:
    """Raise CheckFailed unless every setting has a help text, and a default that is among its choices."""
    for name, setting in settings.items():
        if not isinstance(setting, Setting):
            raise CheckFailed(f"Setting {name!r} is {setting!r}: give harness.Setting(default, help).")
        if not setting.help:
            raise CheckFailed(f"Setting {name!r} has no help text.")
        if setting.choices and setting.default not in setting.choices:
            raise CheckFailed(f"Setting {name!r} has the default {setting.default!r}, not one of {setting.choices}.")
