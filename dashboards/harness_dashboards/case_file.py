"""Saving a use case with the reader's numbers as a file that the command line reads."""

from __future__ import annotations

import re

import streamlit as st

from harness.facts import UseCase
from harness_dashboards import sources
from harness_dashboards.parts import Texts, small
from harness_reports.business.edited import renamed, yaml_text

NAME = re.compile(r"(?=.{1,60}$)[a-z0-9]+(-[a-z0-9]+)*")


def save(own: UseCase, case: UseCase, texts: Texts) -> None:
    """Show the field for a name and the button that downloads the file."""
    st.subheader(texts["save_title"])
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    name = left.text_input(texts["save_name"], f"{own.name}-mine", key=f"save-{own.name}").strip()
    wrong = refused(name, texts)
    file = f"{name}.yaml"
    right.download_button(
        texts["save"], yaml_text(renamed(case, name)), file, "application/yaml", disabled=wrong is not None,
        width="stretch",
    )  # fmt: skip
    small(wrong or texts["save_use"].format(file=file))


def refused(name: str, texts: Texts) -> str | None:
    """Return why a name cannot be used: a use case's name is claimed once, and it is part of a file's."""
    if not NAME.fullmatch(name):
        return texts["save_bad_name"]
    if name in sources.plugins().use_cases():
        return texts["save_taken"].format(name=name)
    return None
