"""A suite that keeps the answers to validation, and the cascade of its models: as it runs, from texts to money."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

SUITE = """\
name: cascade
models: [tfidf, lstm]
tasks: [text-classification]
starts: [scratch]
budgets: {finetune: {steps: 120}}
evaluate: {validation: true}
serve: {seconds: 1.2, queries: 50}
"""
CASE = """\
name: moods
title: Moods
summary: Moods of texts.
tasks: [text-classification]
data: [moods]
needs:
  quality: {value: 0.9, unit: share, kind: assumption, as_of: 2026-11-01, source: a guess}
market:
  requests_per_year: {value: 1.0e+6, unit: 1/year, kind: assumption, as_of: 2026-11-01, source: a guess}
  value_per_request_usd: {value: 0.1, unit: USD, kind: assumption, as_of: 2026-11-01, source: a guess}
  cost_per_error_usd: {value: 0.2, unit: USD, kind: assumption, as_of: 2026-11-01, source: a guess}
  fixed_cost_per_year_usd: {value: 1000, unit: USD, kind: assumption, as_of: 2026-11-01, source: a guess}
  upfront_cost_usd: {value: 1000, unit: USD, kind: assumption, as_of: 2026-11-01, source: a guess}
  discount_rate: {value: 0.1, unit: 1/year, kind: assumption, as_of: 2026-11-01, source: a guess}
  years: {value: 3, unit: years, kind: assumption, as_of: 2026-11-01, source: a guess}
  development_multiplier: {value: 2, unit: "1", kind: assumption, as_of: 2026-11-01, source: a guess}
"""
FILLER = ("the", "report", "of", "that", "day", "was", "long", "and", "told", "about", "many", "small", "things")


def texts() -> str:
    """Return 900 labelled texts: of six in ten one word tells; of the others two do, which no linear model learns."""
    draw, lines = random.Random(0), ["text,label"]  # noqa: S311 - no secret
    for _ in range(900):
        words = draw.sample(FILLER, 5)
        if draw.random() < 0.6:
            label = draw.choice(["up", "down"])
            words.insert(draw.randrange(6), {"up": "rising", "down": "falling"}[label])
        else:
            first, last = draw.choice(["warm", "cold"]), draw.choice(["wet", "dry"])
            label = "up" if (first == "warm") == (last == "wet") else "down"
            words = [first, *words, last]
        lines.append(f"{' '.join(words)},{label}")
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.usefixtures("libraries_at_hand")
def test_a_linear_model_passes_on_what_it_cannot_tell(tmp_path: Path, harness_command: Any) -> None:
    """The network's quality for part of its requests; threshold, share and quality follow from the exported answers."""
    (tmp_path / "moods.csv").write_text(texts(), encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "moods.yaml").write_text(CASE, encoding="utf-8")
    done = harness_command(tmp_path, "run", "s.yaml", "--data", "moods.csv", "--data-name", "moods", "--store", "s")
    assert done.code == 0, done.stderr

    def table(name: str, *more: str) -> list[dict[str, Any]]:
        made = harness_command(tmp_path, "table", name, "--store", "s", "--format", "json", *more)
        assert made.code == 0, made.stderr
        return list(json.loads(made.stdout))

    (row,) = table("cascade")
    export = harness_command(tmp_path, "export", "predictions", "--store", "s", "-o", "p.parquet")
    assert export.code == 0, export.stderr
    answers = pd.read_parquet(tmp_path / "p.parquet")

    def split(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cheap, other = (
            answers[(answers["split"] == name) & (answers["model"] == model)] for model in ("tfidf", "lstm")
        )
        columns = (cheap["confidence"], cheap["correct"], other["correct"])
        confidence, right, other_right = (column.to_numpy(float) for column in columns)
        return confidence, right, other_right

    confidence, cheap, other = split("validation")
    kept = [at for at in sorted({0.0, 1.0, *confidence})
            if np.where(confidence < at, other, cheap).mean() >= other.mean() - 0.01]  # fmt: skip
    assert (row["cheap"], row["expensive"]) == ("tfidf@eager", "lstm@eager")
    assert row["threshold"] == pytest.approx(kept[0])
    confidence, cheap, other = split("test")
    passed = confidence < row["threshold"]
    assert row["share"] == pytest.approx(passed.mean())
    assert row["value"] == pytest.approx(np.where(passed, other, cheap).mean())
    assert 0.2 < row["share"] < 0.6
    assert row["cheap_value"] < 0.9 < row["value"]
    expected = row["cheap_usd_per_1k"] + row["share"] * row["expensive_usd_per_1k"]
    assert row["usd_per_1k_inferences"] == pytest.approx(expected)

    frontier = table("frontier")
    cascades = [each["model"] for each in frontier if each["runtime"] == "cascade"]
    single = [each for each in frontier if each["runtime"] != "cascade"]
    beaten = any(  # by the network alone, where a busy machine took long for the other
        each["usd_per_1k_inferences"] <= row["usd_per_1k_inferences"] and each["value"] >= row["value"]
        for each in single
    )
    assert len(single) == 2
    assert cascades == ([] if beaten else ["tfidf → lstm"])
    ways = {
        each["alternative"]: each
        for each in table("alternatives", "--plugin", "moods.yaml")
        if each["use_case"] == "moods"
    }
    assert ways["cascade"]["quality_is"] == "measured"
    assert ways["cascade"]["npv_mean_usd"] is not None
    assert 0 < ways["cascade"]["share"] < 1
