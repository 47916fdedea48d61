"""Keeps the values of widgets from page to page: Streamlit forgets those that a page does not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

_KEPT = "widgets"


def values() -> dict[str, Any]:
    """Return the values that differ from their defaults, by the widgets' keys."""
    by_key: dict[str, Any] = st.session_state.setdefault(_KEPT, {})
    return by_key


def begin(key: str, default: Any) -> None:
    """Restore a widget's value before it is drawn; call `keep` afterwards."""
    # Assigned even if present: a widget does not take over the value of another page's widget with its key.
    st.session_state[key] = st.session_state.get(key, values().get(key, default))


def keep(key: str, value: Any, default: Any) -> Any:
    """Store a widget's value, unless it is the default, and return it."""
    if value == default:
        values().pop(key, None)
    else:
        values()[key] = value
    return value


def reset(defaults: Mapping[str, Any]) -> None:
    """Reset widgets; for a button's `on_click`."""
    for key, default in defaults.items():
        values().pop(key, None)
        st.session_state[key] = default
