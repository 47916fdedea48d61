"""The script that Streamlit runs: language, navigation, and error messages."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from harness.damaged import DamagedRecordError
from harness.errors import HarnessError
from harness_dashboards import (
    case_page,
    compare_page,
    cost_page,
    origin_page,
    plan_page,
    runs_page,
    sources,
    verdicts_page,
    widgets,
)
from harness_dashboards.parts import show_error, show_left_out
from harness_dashboards.texts import LANGUAGES, TEXTS
from harness_reports.reasons import speaking

PAGES = {
    "verdicts": (verdicts_page, ":material/gavel:"),
    "case": (case_page, ":material/tune:"),
    "cost": (cost_page, ":material/scatter_plot:"),
    "compare": (compare_page, ":material/compare_arrows:"),
    "plan": (plan_page, ":material/rocket_launch:"),
    "origin": (origin_page, ":material/account_tree:"),
    "runs": (runs_page, ":material/receipt_long:"),
}
# A file of ours: Streamlit's own icons are fetched from another host. No docstring: Streamlit would show it.
ICON = Path(__file__).with_name("icon.svg")
STYLE = """<style>
.block-container {padding-top: 3.6rem; padding-bottom: 2rem}
h1 {font-size: 1.9rem !important; padding: 0 0 .3rem 0 !important}
h3 {font-size: 1.25rem !important}
[data-testid="stMetricValue"] {font-size: 1.3rem}
[data-testid="stMetricLabel"] p {white-space: normal; font-size: .8rem}
[data-testid="stMetricValue"] :is(div, p), [data-testid="stMetricDelta"], [data-testid="stMetricDelta"] :is(div, p)
  {white-space: normal; word-break: keep-all; overflow: visible; height: auto}
@media (min-width: 768px) {[data-testid="stSidebar"][aria-expanded="true"] {min-width: 23rem}}
[data-testid="stSidebar"] [data-testid="stNumberInput"] input {font-size: .85rem; padding-left: .4rem; padding-right: 0}
[data-testid="stSidebar"] [data-testid="stHorizontalBlock"] {gap: .4rem; flex-wrap: nowrap}
[data-testid="stSidebar"] [data-testid="stColumn"] {min-width: 0}
.needs {border-collapse: collapse; font-size: .9rem}
.needs th, .needs td {text-align: left; padding: .25rem 1.2rem .25rem 0; border-bottom: 1px solid #e5e7eb}
.needs th {color: #5f6b7a; font-weight: 600}
</style>"""


def main() -> None:
    """Show the selected page."""
    st.set_page_config(page_title="Viability Harness", page_icon=str(ICON), layout="wide")
    st.html(STYLE)
    widgets.begin("language", "en")
    language = st.sidebar.segmented_control(
        "Language / 语言", list(LANGUAGES), format_func=LANGUAGES.__getitem__, key="language"
    )
    texts = TEXTS[widgets.keep("language", language or "en", "en")]
    pages = {
        name: st.Page(
            partial(page.show, texts), title=texts[f"{name}_page"], icon=icon, url_path=name, default=name == "verdicts"
        )
        for name, (page, icon) in PAGES.items()
    }
    current = st.navigation(list(pages.values()))
    if "go" in st.session_state:  # set by a button that opens another page
        st.switch_page(pages[st.session_state.pop("go")])
    top = st.container()
    try:
        with speaking(texts["language"]):
            current.run()
        if current is not pages["plan"]:  # which reads no store
            with top:
                show_left_out(sources.records().left_out)
    except DamagedRecordError as error:
        sources.leave_out(error.record_id, str(error))
        st.rerun()
    except HarnessError as error:
        show_error(error)


main()
