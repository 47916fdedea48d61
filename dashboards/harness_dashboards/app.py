"""The script Streamlit runs: language, navigation, and what a fault looks like to a reader."""

from __future__ import annotations

import streamlit as st

from harness.errors import HarnessError
from harness_dashboards import cost_page, runs_page
from harness_dashboards.texts import LANGUAGES, TEXTS


def main() -> None:
    """Show the page that was chosen."""
    st.set_page_config(page_title="Viability Harness", page_icon="⚖️", layout="wide")
    language = st.sidebar.segmented_control(
        "Language / 语言", list(LANGUAGES), format_func=LANGUAGES.__getitem__, default="en", key="language"
    )
    texts = TEXTS[language or "en"]
    pages = [
        st.Page(lambda: cost_page.show(texts), title=texts["cost_page"], icon="📈", url_path="cost", default=True),
        st.Page(lambda: runs_page.show(texts), title=texts["runs_page"], icon="🧾", url_path="runs"),
    ]
    try:
        st.navigation(pages).run()
    except HarnessError as error:
        st.error(str(error).replace("$", r"\$"))


main()
