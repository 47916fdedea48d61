"""The texts of the pages, by language."""

from __future__ import annotations

from harness_dashboards import texts_en, texts_zh
from harness_reports.reasons.names import names

LANGUAGES = {"en": "English", "zh": "中文"}

TEXTS: dict[str, dict[str, str]] = {
    "en": {**texts_en.TEXTS, **names(0)},
    "zh": {**texts_zh.TEXTS, **names(1)},
}
