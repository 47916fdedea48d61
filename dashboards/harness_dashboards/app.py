"""The script Streamlit runs: language, navigation, and what a fault looks like to a reader."""

from __future__ import annotations

import streamlit as st

from harness.errors import HarnessError
from harness_dashboards import cost_page, runs_page
from harness_dashboards.texts import LANGUAGES, TEXTS

STYLE = """<style>
.block-container {padding-top: 3.6rem; padding-bottom: 2rem}
h1 {font-size: 1.9rem !important; padding: 0 0 .3rem 0 !important}
h3 {font-size: 1.25rem !important}
[data-testid="stMetricValue"] {font-size: 1.45rem}
</style>"""


def main() -> None:
    """Show the page that was chosen."""
    st.set_page_config(page_title="Viability Harness", page_icon=":material/balance:", layout="wide")
    st.html(STYLE)
    language = st.sidebar.segmented_control(
        "Language / 语言", list(LANGUAGES), format_func=LANGUAGES.__getitem__, default="en", key="language"
    )
    texts = TEXTS[language or "en"]
    pages = [
        st.Page(
            lambda: cost_page.show(texts),
            title=texts["cost_page"],
            icon=":material/scatter_plot:",
            url_path="cost",
            default=True,
        ),
        st.Page(
            lambda: runs_page.show(texts), title=texts["runs_page"], icon=":material/receipt_long:", url_path="runs"
        ),
    ]
    try:
        st.navigation(pages).run()
    except HarnessError as error:
        st.error(str(error).replace("$", r"\$"))


main()
