"""What names of a comparison stand for, and which items both sides have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import FactError, Record, StoreError
from harness_reports.measured.comparison import comparison
from harness_reports.measured.pairs import checked_margin, names_of, pairs, telling_names
from harness_reports.measured.results import Results

RIGHT = [1.0, 0.0, 1.0, 1.0] * 10


def cheap(bench: Any, **changes: Any) -> list[Record]:
    """Return a case of a cheap model."""
    return list(bench.case(**{"model": "tfidf", "size": "default", "start": "scratch", "runtime": "eager", **changes}))


def evaluated(records: Sequence[Record], **changes: Any) -> list[Record]:
    """Return records with fields of their evaluation replaced."""
    return [replace(one, **changes) if one.step == "evaluate" else one for one in records]


def sampled(bench: Any, scores: Sequence[float], of: int, **changes: Any) -> list[Record]:
    """Return a case of which a sample was evaluated."""
    used = {"sample": {"test": {"items": len(scores), "of": of, "seed": 0}}}
    return evaluated(bench.case(scores=scores, runtime="eager", **changes), used=used)


def test_names_go_from_short_to_exact(bench: Any) -> None:
    """Each of them stands for the candidate."""
    records = [*cheap(bench), *bench.case(runtime="eager")]
    bert, _ = Results.of(records).evaluated

    assert names_of(bert) == [
        "bert", "bert tiny (pretrained)", "bert@eager", "bert tiny (pretrained)@eager",
        "bert tiny (pretrained)@eager/cpu/fp32", "bert tiny (pretrained)@eager/cpu/fp32/Bench 9000 × 2",
    ]  # fmt: skip
    for name in names_of(bert):
        (pair,) = pairs(Results.of(records), ["tfidf", name])
        assert pair.measured.key == bert.key


def test_the_shortest_name_that_tells_a_candidate_from_all_others(bench: Any) -> None:
    """Its model, its runtime, and where both are the same its machine or number format."""
    records = [
        *cheap(bench), *bench.case(runtime="eager"), *bench.case(runtime="onnx"),
        *bench.case(runtime="onnx", precision="bf16"), *bench.case(runtime="compiled", hardware="gpu"),
        *bench.case(runtime="compiled"),
    ]  # fmt: skip
    measured = list(Results.of(records).evaluated)
    names = telling_names(measured)

    assert len(set(names)) == len(measured) == 6
    assert {"tfidf", "bert@eager", "bert tiny (pretrained)@onnx/cpu/bf16"} < set(names)
    for name in set(names) - {"tfidf"}:
        assert len(pairs(Results.of(records), ["tfidf", name])) == 1


def test_several_candidates_of_a_name_are_told_by_names_that_help(bench: Any) -> None:
    """Those of one runtime too: its names were the same twice, so that none could be chosen."""
    records = [*cheap(bench), *bench.case(runtime="onnx"), *bench.case(runtime="onnx", precision="bf16")]
    with pytest.raises(StoreError, match=r"name one of 'bert tiny .pretrained.@onnx/cpu/bf16', 'bert"):
        pairs(Results.of(records), ["tfidf", "bert"])


def test_a_sample_is_compared_with_the_same_items_of_the_whole(bench: Any) -> None:
    """Wherever they stand in the split."""
    whole = cheap(bench, scores=RIGHT)
    records = [*whole, *sampled(bench, [1.0] * 12, of=40)]
    (pair,) = pairs(Results.of(records), ["tfidf", "bert"])
    ours, theirs = pair.shared_rows

    assert ours == list(range(12))
    assert theirs != ours
    assert len(set(theirs)) == 12
    assert comparison(records, ["tfidf", "bert"])["items"].tolist() == [12]


def test_other_numbers_of_items_are_not_common_ones(bench: Any) -> None:
    """The message has both counts and the remedy."""
    records = [*cheap(bench, scores=RIGHT), *bench.case(scores=[1.0] * 30, runtime="eager")]
    with pytest.raises(StoreError, match=r"'bert' and 'tfidf' have no common items .* 30 and 40 items.*--max-items"):
        pairs(Results.of(records), ["tfidf", "bert"])


def test_other_inputs_are_other_items(bench: Any) -> None:
    """As many, but not the same: records before version 6 hold none and are trusted."""
    ours, theirs = bench.case(scores=RIGHT, runtime="eager"), cheap(bench, scores=RIGHT)
    texts = [f"text {number}" for number in range(40)]
    forward = {"test": {"input": texts, "reference": [""] * 40}}
    turned = {"test": {"input": texts[::-1], "reference": [""] * 40}}

    assert pairs(Results.of([*evaluated(ours, items=forward), *evaluated(theirs, items=forward)]), ["tfidf", "bert"])
    assert pairs(Results.of([*evaluated(ours, items=forward), *theirs]), ["tfidf", "bert"])
    with pytest.raises(StoreError, match=r"no common items .* other ones or in another order"):
        pairs(Results.of([*evaluated(ours, items=forward), *evaluated(theirs, items=turned)]), ["tfidf", "bert"])


@pytest.mark.parametrize(
    ("scores", "message"),
    [([1.0], "share one item only. Evaluate more"), ([1.0, float("nan"), 0.0], "is no number, as some scores")],
)
def test_what_has_no_difference_is_said(bench: Any, scores: list[float], message: str) -> None:
    """A single item has no spread, and a missing score no value: neither passes a gate."""
    records = [*cheap(bench, scores=[0.0] * len(scores)), *bench.case(scores=scores, runtime="eager")]
    with pytest.raises(StoreError, match=message):
        pairs(Results.of(records), ["tfidf", "bert"])


@pytest.mark.parametrize(
    ("error", "names", "wishes", "message"),
    [
        (FactError, ["tfidf"], {}, "takes a reference and one candidate or more: harness compare"),
        (FactError, ["tfidf", "bert", "tfidf"], {}, "A name is given twice"),
        (StoreError, ["tfidf", "brt"], {}, "Unknown candidate 'brt'. Did you mean 'bert'"),
        (StoreError, ["tfidf", "bert"], {"metric": "acuracy"}, "Unknown metric 'acuracy'. Did you mean 'accuracy'"),
        (StoreError, ["tfidf", "bert"], {"task": "parity"}, "Unknown task in this store 'parity'. Known: text-class"),
    ],
)
def test_unknown_names_are_told_with_the_known_ones(
    bench: Any, error: type[Exception], names: list[str], wishes: dict[str, str], message: str
) -> None:
    """Of candidates, metrics and tasks."""
    with pytest.raises(error, match=message):
        pairs(Results.of([*cheap(bench), *bench.case(runtime="eager")]), names, **wishes)


@pytest.mark.parametrize("margin", [-0.01, float("nan"), float("inf")])
def test_a_margin_is_a_number_from_0_on(margin: float) -> None:
    """None and 0 are margins."""
    with pytest.raises(FactError, match=r"The margin is .* 0 or more, such as 0.01"):
        checked_margin(margin)
    assert (checked_margin(None), checked_margin(0.0)) == (None, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tfidf", "brt"], "Unknown candidate 'brt'"),
        (["tfidf", "bert", "--margin", "-0.1"], "The margin is -0.1"),
        (["tfidf", "resnet"], "Run them on the same task and data"),
    ],
)
def test_bad_input_ends_with_code_2_and_nothing_on_standard_output(
    bench: Any, make_store: Callable[..., str], tmp_path: Path, harness_command: Any, arguments: list[str], message: str
) -> None:
    """A sentence on standard error; a file that was there stays as it was."""
    records = [*cheap(bench), *bench.case(runtime="eager")]
    records += bench.case(model="resnet", task="image-classification", runtime="eager")
    store = make_store(tmp_path / "store", records)
    (tmp_path / "out.csv").write_text("before", encoding="utf-8")
    done = harness_command(tmp_path, "compare", *arguments, "--store", store, "-o", "out.csv")

    assert (done.code, done.stdout) == (2, "")
    assert message in " ".join(done.stderr.split())
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "before"
