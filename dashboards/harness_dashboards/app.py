"""The script Streamlit runs: language, navigation, and what a fault looks like to a reader."""

from __future__ import annotations

from functools import partial

import streamlit as st

from harness.errors import HarnessError
from harness_dashboards import cost_page, origin_page, plan_page, runs_page
from harness_dashboards.texts import LANGUAGES, TEXTS

PAGES = {
    "cost": (cost_page, ":material/scatter_plot:"),
    "plan": (plan_page, ":material/rocket_launch:"),
    "origin": (origin_page, ":material/account_tree:"),
    "runs": (runs_page, ":material/receipt_long:"),
}
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
            partial(page.show, texts), title=texts[f"{name}_page"], icon=icon, url_path=name, default=name == "cost"
        )
        for name, (page, icon) in PAGES.items()
    ]
    try:
        st.navigation(pages).run()
    except HarnessError as error:
        st.error(str(error).replace("$", r"\$"))


main()
