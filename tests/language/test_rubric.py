"""Rubrics: what is read, what is kept, and what is refused with a remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import DataError
from harness_language._rubric import EXAMPLE, as_setting, opened

SCALE = "scale: {1: wrong or empty, 2: partly right, 3: complete and right}"


def _file(folder: Path, text: str) -> str:
    file = folder / "rubric.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_rubric_is_kept_whole_and_once_read_needs_no_file(tmp_path: Path) -> None:
    """Its JSON is the same for the same content, in whatever order it is written."""
    path = _file(tmp_path, EXAMPLE)
    kept = as_setting(path)
    turned = as_setting(_file(tmp_path, "\n".join(reversed(EXAMPLE.splitlines()))))
    Path(path).unlink()

    assert json.loads(kept) == {
        "name": "helpful-answers", "as_of": "2026-11-27", "source": "who wrote it", "good_from": 3,
        "question": "Does the answer say what was asked, and is it right?",
        "scale": {"1": "wrong or empty", "2": "partly right", "3": "complete and right"},
    }  # fmt: skip
    assert turned == kept == as_setting(kept)
    assert as_setting("") == ""
    assert opened(kept).to_json() == kept


def test_grades_are_in_their_order_however_they_are_written(tmp_path: Path) -> None:
    """By number, not by letter; texts of numbers and numbers below zero are grades too."""
    scale = 'scale: {10: best, "2": fair, -1: harmful, 0: empty}'
    rubric = opened(_file(tmp_path, EXAMPLE.replace(SCALE, scale).replace("good_from: 3", "good_from: 10")))

    assert list(rubric.scale.items()) == [(-1, "harmful"), (0, "empty"), (2, "fair"), (10, "best")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (f"{SCALE}\n", "", "has no scale. Add one, each grade with what it stands for"),
        (SCALE, "scale: {1: right}", "scale has 1 grade. Give at least two"),
        (SCALE, "scale: {}", "scale has 0 grades. Give at least two"),
        (SCALE, "scale: [wrong, right]", "is no scale. Write each grade with what it stands for"),
        (SCALE, "scale: {1: wrong, 1.5: so, 3: right}", "the grade 1.5 of the scale is no whole number"),
        (SCALE, "scale: {yes: wrong, 3: right}", "of the scale is no whole number"),
        (SCALE, "scale: {1: wrong, 3: ''}", "what the grade 3 stands for is ''. Write a text"),
        ("good_from: 3", "good_from: 4", "good_from is 4, and the scale has the grades 1, 2, 3"),
        ("good_from: 3", "good_from: 1", "the lowest grade, so every answer would be right"),
        ("good_from: 3", "good_from: three", "good_from is 'three', and the scale has the grades 1, 2, 3"),
        ("\ngood_from: 3", "", "has no good_from. Add it"),
        ("as_of: 2026-11-27\n", "", "has no as_of, the day it is of"),
        ("source: who wrote it\n", "", "has no source, who wrote it"),
        ("as_of: 2026-11-27", "as_of: lately", "as_of is 'lately'. Give a day such as 2026-11-27"),
        ("source: who wrote it", "source: ''", "source is ''. Write a text"),
        ("name: helpful-answers", "title: helpful-answers", "has no name. Add it"),
        ("name: helpful-answers", "name: helpful\nweights: [1]", "the key 'weights', which this version"),
        ("name: helpful-answers", "name: helpful\nname: answers", "line 2: this is not YAML: the key 'name' is here"),
    ],
)
def test_an_unsound_rubric_is_refused_with_a_remedy(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each fault by its name, with the file's."""
    assert old in EXAMPLE
    path = _file(tmp_path, EXAMPLE.replace(old, new))

    with pytest.raises(DataError) as error:
        opened(path)
    assert message in str(error.value)
    assert path in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"), [("", "is no rubric: it holds None"), ("helpful", "is no rubric: it holds 'helpful'")]
)
def test_what_is_no_rubric_is_answered_with_one(tmp_path: Path, text: str, message: str) -> None:
    """The sentence ends with an example that can be copied."""
    with pytest.raises(DataError, match=message) as error:
        opened(_file(tmp_path, text))
    assert str(error.value).endswith(EXAMPLE)


def test_a_lost_rubric_is_named(tmp_path: Path) -> None:
    """With where paths begin."""
    with pytest.raises(DataError, match=r"There is no rubric file .*lost\.yaml\. Check the path"):
        opened(str(tmp_path / "lost.yaml"))
