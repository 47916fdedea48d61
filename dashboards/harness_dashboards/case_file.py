"""Saves a use case with the reader's figures as a file for the command line."""

from __future__ import annotations

import re

import streamlit as st

from harness.facts import UseCase
from harness_dashboards import sources
from harness_dashboards.parts import Texts, small
from harness_reports.business.edited import renamed, yaml_text

NAME = re.compile(r"(?=.{1,60}$)[a-z0-9]+(-[a-z0-9]+)*")


def save(case: UseCase, texts: Texts) -> None:
    """Show the field for a name and the button that downloads the file."""
    st.subheader(texts["save_title"])
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    name = left.text_input(texts["save_name"], f"{case.name}-mine", key=f"save-{case.name}").strip()
    error = name_error(name, texts)
    file = f"{name}.yaml"
    right.download_button(
        texts["save"], yaml_text(renamed(case, name)), file, "application/yaml", disabled=error is not None,
        width="stretch",
    )  # fmt: skip
    small(error or texts["save_use"].format(file=file))


def name_error(name: str, texts: Texts) -> str | None:
    """Return why a use case cannot have a name, or None: the name is unique, and part of a file's name."""
    if not NAME.fullmatch(name):
        return texts["save_bad_name"]
    if name in sources.plugins().use_cases():
        return texts["save_taken"].format(name=name)
    return None
