"""What a reader set, kept from page to page: Streamlit forgets the widgets that a page does not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

_KEPT = "kept"


def values() -> dict[str, Any]:
    """Return what is kept, by the widgets' keys."""
    found: dict[str, Any] = st.session_state.setdefault(_KEPT, {})
    return found


def begin(key: str, default: Any) -> None:
    """Give a widget that is about to be drawn what it had when it was last seen; call `keep` once it is drawn."""
    # Assigned even where it is there: what another page's widget left behind a widget of this page does not take up.
    st.session_state[key] = st.session_state.get(key, values().get(key, default))


def keep(key: str, value: Any, default: Any) -> Any:
    """Keep what a widget says, unless it is the default, and return it."""
    if value == default:
        values().pop(key, None)
    else:
        values()[key] = value
    return value


def reset(defaults: Mapping[str, Any]) -> None:
    """Put widgets back; for a button's `on_click`."""
    for key, default in defaults.items():
        values().pop(key, None)
        st.session_state[key] = default
