"""What records keep of items and answers is enough to find the figures again, with other people's tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sacrebleu
from pycocotools.coco import COCO  # type: ignore[import-untyped]
from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]
from sklearn.metrics import accuracy_score, f1_score

from harness import Data, Metric
from harness.grading import checked, columns, grade, value
from harness_language._parameters import Question
from harness_language.questions import QuestionData
from harness_language.translations import Pair, TranslationData
from harness_vision._objects import Objects
from harness_vision.detection import DetectionData, Scenes


def _kept(data: Data, answers: Sequence[Any]) -> tuple[dict[str, list[Any]], Any]:
    """Grade answers; return items and answers after a round trip through JSON, and the grades."""
    given = iter(answers)
    grades = checked(grade(lambda inputs: [next(given) for _ in inputs], data, 2))
    kept = columns({**data.items("test"), **grades.answers}, data.sizes["test"], "kept")
    return json.loads(json.dumps(kept)), grades


def _metric(name: str, grades: Any) -> float:
    return value(Metric(name, "share", None), grades)


def test_precision_is_that_of_pycocotools(capsys: pytest.CaptureFixture[str]) -> None:
    """From the exported boxes, crowds included, in COCO's own format."""
    draw = np.random.default_rng(0)

    def boxes(count: int) -> np.ndarray:
        corner = draw.uniform(0, 30, (count, 2))
        return np.concatenate([corner, corner + draw.uniform(4, 20, (count, 2))], axis=1)

    objects = [Objects.of(boxes(3).tolist(), [0, 1, 1], [False, False, number % 2 == 0]) for number in range(8)]
    images = [np.full((60, 60, 1), number, np.uint8) for number in range(8)]
    data = DetectionData(("cat", "dog"), dict.fromkeys(("train", "validation", "test"), Scenes(images, objects)))
    near = [one.boxes + draw.normal(0, 1, (3, 4)) for one in objects]
    answers = [np.column_stack([each, one.labels, draw.random(3)]) for each, one in zip(near, objects, strict=True)]
    kept, grades = _kept(data, answers)

    names = {"cat": 1, "dog": 2}
    truths, boxes_found = COCO(), []
    truths.dataset = {
        "images": [{"id": number} for number in range(8)],
        "categories": [{"id": number, "name": name} for name, number in names.items()],
        "annotations": [],
    }
    for image, (wanted, answered) in enumerate(zip(kept["reference"], kept["output"], strict=True)):
        for one in wanted:
            left, top, right, bottom = one["box"]
            size = {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}
            entry = {"id": len(truths.dataset["annotations"]) + 1, "image_id": image, "iscrowd": int(one["crowd"])}
            truths.dataset["annotations"].append({**entry, **size, "category_id": names[one["class"]]})
        for one in answered:
            left, top, right, bottom = one["box"]
            box = {"image_id": image, "bbox": [left, top, right - left, bottom - top], "score": one["score"]}
            boxes_found.append({**box, "category_id": names[one["class"]]})
    truths.createIndex()
    evaluation = COCOeval(truths, truths.loadRes(boxes_found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    capsys.readouterr()

    assert 0.3 < evaluation.stats[0] < 0.95
    assert _metric("mAP", grades) == pytest.approx(evaluation.stats[0], abs=1e-9)


def test_translations_are_graded_as_sacrebleu_grades_them() -> None:
    """BLEU and chrF of the exported outputs against the exported references."""
    pairs = [Pair("3 days", "3 Tage"), Pair("4 long days", "4 lange Tage"), Pair("no more", "nicht mehr, nie")]
    data = TranslationData(dict.fromkeys(("train", "validation", "test"), pairs), "de")
    kept, grades = _kept(data, ["3 Tage", "4 lange Nächte", "nie mehr"])

    assert kept["input"] == ["3 days", "4 long days", "no more"]
    for name, score in (("BLEU", sacrebleu.corpus_bleu), ("chrF", sacrebleu.corpus_chrf)):
        assert _metric(name, grades) == pytest.approx(score(kept["output"], [kept["reference"]]).score), name


def test_questions_keep_the_words_of_a_span() -> None:
    """The output is the text of the span; every right answer is a reference."""
    questions = [Question("Who?", "It was Ada.", 7, 10, ("Ada Lovelace",)), Question("What?", "It was rain.", 7, 11)]
    data = QuestionData(dict.fromkeys(("train", "validation", "test"), questions))
    kept, grades = _kept(data, [(7, 10), "some snow"])

    assert kept == {
        "input": ["Who?", "What?"],
        "context": ["It was Ada.", "It was rain."],
        "reference": [["Ada", "Ada Lovelace"], ["rain"]],
        "output": ["Ada", "some snow"],
    }
    assert grades.scores["exact"] == [1, 0]


SUITE = """\
name: both splits
models: [tfidf]
tasks: [text-classification]
starts: [scratch]
budgets: {finetune: {steps: 1}}
serve: {seconds: 0.05, queries: 5}
"""


@pytest.mark.usefixtures("libraries_at_hand")
def test_figures_can_be_found_again_with_scikit_learn(tmp_path: Path, harness_command: Any) -> None:
    """Accuracy and macro-F1 of the exported rows are those of the table; validation answers come where asked."""
    lines = [f"{word} number {number},{word}" for number in range(40) for word in ("red", "green", "blue")]
    noisy = [f"green number {number},red" for number in range(100, 130)]
    (tmp_path / "d.csv").write_text("\n".join(["text,label", *lines, *noisy]), encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "v.yaml").write_text(SUITE + "evaluate: {validation: true}\n", encoding="utf-8")
    first = harness_command(tmp_path, "run", "s.yaml", "--data", "d.csv", "--store", "s")
    again = harness_command(tmp_path, "run", "v.yaml", "--data", "d.csv", "--store", "s", "--dry-run")
    both = harness_command(tmp_path, "run", "v.yaml", "--data", "d.csv", "--store", "v")
    assert (first.code, both.code) == (0, 0), first.stderr + both.stderr

    def read(store: str) -> pd.DataFrame:
        assert not harness_command(tmp_path, "export", "predictions", "--store", store, "-o", f"{store}.parquet").code
        return pd.read_parquet(tmp_path / f"{store}.parquet")

    command = ("table", "accuracy", "--metric", "all", "--format", "json", "--store", "s")
    figures = {row["metric"]: row["value"] for row in json.loads(harness_command(tmp_path, *command).stdout)}
    test, with_validation = read("s"), read("v")

    assert "3 steps (0 shared), 1 to do" in again.stdout  # evaluated again; nothing is trained or served again
    assert figures["accuracy"] == pytest.approx(accuracy_score(test["reference"], test["output"]))
    assert figures["accuracy"] < 1
    assert figures["macro-F1"] == pytest.approx(f1_score(test["reference"], test["output"], average="macro"))
    assert test["confidence"].between(1 / 3, 1).all()
    assert set(test["split"]) == {"test"}
    counts = with_validation["split"].value_counts().to_dict()
    assert counts["validation"] == 15
    validated = with_validation[with_validation["split"] == "validation"]
    assert validated["correct"].mean() == pytest.approx(accuracy_score(validated["reference"], validated["output"]))
    assert not set(validated["input"]) & set(test["input"])
