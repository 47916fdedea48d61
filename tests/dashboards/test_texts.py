"""Every language has all texts."""

from __future__ import annotations

import string

import pytest

from harness_dashboards.texts import LANGUAGES, TEXTS


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_all_texts(language: str) -> None:
    """The same keys, the same fields, and no empty text."""
    texts = TEXTS[language]

    assert texts.keys() == TEXTS["en"].keys()
    for key, text in texts.items():
        assert text.strip(), key
        assert _fields(text) == _fields(TEXTS["en"][key]), key
