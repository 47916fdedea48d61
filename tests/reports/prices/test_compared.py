"""Cost, latency and energy beside quality: by hand, and by scipy's bootstrap.

gpt-4o-mini: 0.15 USD per million input tokens, 0.60 output.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness import FactError, Reading, Record
from harness_reports import cells
from harness_reports.measured import paired
from harness_reports.measured.comparison import COMPARISON, comparison
from harness_reports.prices.compared import ENERGY, MEDIAN, P99, UNITS, USD, compared
from harness_reports.prices.cost import cost
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import speaking

INPUT, OUTPUT = 0.15e-6, 0.60e-6
MACHINE = {
    "memory_bytes": 10e9,
    "hardware": {"name": "cpu", "device_name": "Bench", "logical_cores": 2, "price_item": "CPU", "price_quantity": 2},
}


def rows_of(records: Sequence[Record], pricing: Pricing, *names: str, **wishes: Any) -> dict[str, dict[str, Any]]:
    """Return the rows of one candidate by metric."""
    rows = cells.rows(compared(records, names or ("tfidf", "bert"), pricing, **wishes))
    assert len({row["candidate"] for row in rows}) == 1
    return {row["metric"]: row for row in rows}


def local(bench: Any, **changes: Any) -> list[Record]:
    """Return a case of a cheap model on a machine."""
    return list(bench.case(**{"model": "tfidf", "size": "default", "start": "scratch", "runtime": "eager", **changes}))


@pytest.fixture(scope="module")
def two(bench: Any) -> list[Record]:
    """Return two candidates on one machine: at 100 and at 400 samples a second, with 20 and 5 ms."""
    random = np.random.default_rng(0)
    slow, fast = (random.lognormal(np.log(middle), 0.3, 700).tolist() for middle in (0.02, 0.005))
    return [
        *bench.case(runtime="eager", rate=100.0, latency_s=slow),
        *local(bench, rate=400.0, latency_s=fast, scores=(1, 1, 0, 0) * 25),
    ]


def served(bench: Any, name: str, tokens: np.ndarray, **more: Any) -> Record:
    """Return the evaluation of a served model by input and output tokens of each call, shape (items, 2)."""
    return bench.prompted([(int(one), 0, int(other)) for one, other in tokens], model=f"openai:{name}", **more)


@pytest.fixture(scope="module")
def called(bench: Any) -> list[Record]:
    """Return two served models at the same price for the same 200 items: one writes half as much again."""
    random = np.random.default_rng(1)
    asked_for = random.integers(100, 4000, 200)
    short = np.stack([asked_for, random.integers(20, 60, 200)], axis=1)
    long = np.stack([asked_for, (short[:, 1] * random.lognormal(np.log(1.5), 0.1, 200)).astype(int)], axis=1)
    seconds = random.lognormal(-1, 0.5, 200)
    return [
        served(bench, "gpt-4o-mini", short, usage={"latency_s": seconds.tolist()}),
        served(bench, "gpt-4o-mini-2024-07-18", long, usage={"latency_s": (2 * seconds).tolist()}),
    ]


CALLED = ("openai:gpt-4o-mini", "openai:gpt-4o-mini-2024-07-18")


def usd(record: Record) -> np.ndarray:
    """Return the price of each call, worked out here."""
    used = record.usage["test"]
    return INPUT * np.array(used["input_tokens"]) + OUTPUT * np.array(used["output_tokens"])


# Rows -----------------------------------------------------------------------------------------------------------------


def test_quality_stands_first_and_is_that_of_the_comparison(two: list[Record], pricing: Pricing) -> None:
    """Of each candidate, then what is beside it; cells of the one kind are missing in the other."""
    frame = compared(two, ["tfidf", "bert"], pricing, margin=0.02)
    first, *others = cells.rows(frame)
    (wanted,) = cells.rows(comparison(two, ["tfidf", "bert"], margin=0.02))

    assert {name: first[name] for name in COMPARISON} == wanted
    assert first["ratio"] is None
    assert [row["metric"] for row in others] == list(UNITS)
    for row in others:
        empty = ("difference", "margin", "within_margin", "detectable", "point", "items_won", "unpaired_p")
        assert {row[name] for name in empty} == {None}
        assert (row["candidate"], row["reference"], row["unit"]) == ("bert", "tfidf", UNITS[row["metric"]])


def test_values_are_those_of_the_cost_table(two: list[Record], pricing: Pricing) -> None:
    """And the ratio is one over the other."""
    rows = rows_of(two, pricing)
    costs = cost(two, pricing).set_index("model")
    for metric in (USD, ENERGY):
        row = rows[metric]
        assert row["value"] == pytest.approx(costs.loc["bert", metric])
        assert row["reference_value"] == pytest.approx(costs.loc["tfidf", metric])
        assert row["ratio"] == pytest.approx(4.0)


def test_the_other_way_round_ratios_are_inverse(two: list[Record], pricing: Pricing) -> None:
    """With the ends of intervals exchanged, to the error of draws, and the same verdicts."""
    rows, turned = rows_of(two, pricing), rows_of(two, pricing, "bert", "tfidf")
    for metric in (USD, MEDIAN, P99):
        one, other = rows[metric], turned[metric]
        assert one["ratio"] == pytest.approx(1 / other["ratio"])
        assert (one["low"], one["high"]) == pytest.approx((1 / other["high"], 1 / other["low"]), rel=0.03)
        assert (one["result"], other["result"]) == ("higher", "lower")


def test_tests_of_a_figure_are_corrected_for_their_number(two: list[Record], bench: Any, pricing: Pricing) -> None:
    """Of its own rows, by Holm: the smallest of three p-values counts three times."""
    records = list(two)
    for number in (1, 2):
        records += bench.case(model=f"m{number}", runtime="eager", rate=100.0 + number, latency_s=(0.02,) * 700)
    rows = cells.rows(compared(records, ["tfidf", "bert", "m1", "m2"], pricing))
    of_cost = [row for row in rows if row["metric"] == USD]

    assert len(rows) == 15
    assert [row["p_corrected"] for row in of_cost] == pytest.approx(paired.holm([row["p"] for row in of_cost]))
    assert min(row["p_corrected"] for row in of_cost) == pytest.approx(3 * min(row["p"] for row in of_cost))


# Cost -----------------------------------------------------------------------------------------------------------------


def test_cost_on_a_machine_against_scipys_bootstrap(bench: Any, pricing: Pricing) -> None:
    """The same price on both sides: the ratio is that of the mean seconds of a batch, which are resampled apart."""
    random = np.random.default_rng(2)
    sides = [random.lognormal(middle, 0.5, 60) for middle in (0.2, 0.0)]
    records = [
        each if each.spec.get("scenario") != "Offline"
        else replace(each, series={"latency_s": took.tolist()},
                     readings={**each.readings, "wall_s": Reading(float(took.sum()), "s"),
                               "samples": Reading(600.0, "count")})
        for case, took in zip((bench.case(runtime="eager"), local(bench)), sides, strict=True) for each in case
    ]  # fmt: skip
    row = rows_of(records, pricing)[USD]
    checked = stats.bootstrap(sides, lambda one, other, axis: one.mean(axis=axis) / other.mean(axis=axis),
                              method="percentile", n_resamples=9999, rng=random).confidence_interval  # fmt: skip

    assert row["ratio"] == pytest.approx(sides[0].mean() / sides[1].mean())
    assert (row["low"], row["high"]) == pytest.approx(tuple(checked), rel=0.03)
    assert row["test"] == "bootstrap"
    assert (row["p"] < 0.05) == (not row["low"] <= 1 <= row["high"])


def test_a_price_moves_both_sides_of_one_machine(two: list[Record], pricing: Pricing) -> None:
    """Twice the price, the same ratio."""
    rows, twice = rows_of(two, pricing), rows_of(two, replace(pricing, multiplier=Decimal(2)))

    assert twice[USD]["value"] == pytest.approx(2 * rows[USD]["value"])
    assert [twice[USD][name] for name in ("ratio", "low", "high")] == pytest.approx(
        [rows[USD][name] for name in ("ratio", "low", "high")]
    )


def test_over_a_reference_of_nothing_there_is_no_ratio(bench: Any, two: list[Record], pricing: Pricing) -> None:
    """Calls without a token, a meter that stood still: the note says so."""
    records = [
        served(bench, "gpt-4o-mini", np.zeros((4, 2))),
        served(bench, "gpt-4o-mini-2024-07-18", np.full((4, 2), 100)),
    ]
    still = [
        replace(one, readings={**one.readings, "energy_j": Reading(0.0, "J")})
        if one.spec["model"] == "tfidf" and "energy_j" in one.readings else one for one in two
    ]  # fmt: skip
    for row in (rows_of(records, pricing, *CALLED)[USD], rows_of(still, pricing)[ENERGY]):
        assert (row["value"] > 0, row["reference_value"]) == (True, 0.0)
        assert row["ratio"] is row["p"] is None
        assert row["note"].endswith("is 0, so there is no ratio.")


def test_calls_for_the_same_items_are_paired(called: list[Record], pricing: Pricing) -> None:
    """By hand, and by scipy's paired bootstrap and permutation test; apart the interval would be wider."""
    theirs, ours = map(usd, called)
    row = rows_of(called, pricing, *CALLED)[USD]
    statistic = lambda one, other, axis: one.mean(axis=axis) / other.mean(axis=axis)  # noqa: E731
    given = {"method": "percentile", "n_resamples": 9999, "rng": np.random.default_rng(3)}
    checked = stats.bootstrap((ours, theirs), statistic, paired=True, vectorized=True, **given).confidence_interval
    apart = stats.bootstrap((ours, theirs), statistic, vectorized=True, **given).confidence_interval

    assert row["items"] == 200
    assert row["value"] == pytest.approx(1000 * ours.mean())
    assert row["ratio"] == pytest.approx(ours.mean() / theirs.mean())
    assert (row["low"], row["high"]) == pytest.approx(tuple(checked), rel=0.005)
    assert row["high"] - row["low"] < 0.3 * (apart.high - apart.low)
    assert (row["test"], row["result"]) == ("sign flips", "higher")


def test_calls_without_tokens_on_a_side_are_in_no_pair(bench: Any, pricing: Pricing) -> None:
    """Four items, one of which the reference's server did not count: the ratio is over three, and is said so."""
    theirs = np.array([[1000, 100], [2000, 100], [3000, 100], [9000, 100]])
    reference = bench.prompted([(1000, 0, 100), (2000, 0, 100), (3000, 0, 100), (None, None, None)])
    ours = served(bench, "gpt-4o-mini-2024-07-18", theirs * 2)
    row = rows_of([reference, ours], pricing, *CALLED)[USD]

    assert row["items"] == 3
    assert (row["ratio"], row["low"], row["high"]) == pytest.approx((2.0, 2.0, 2.0))
    assert row["value"] / row["reference_value"] > 2.5, "each side's own cost is over all its calls"
    assert "did not say the tokens of 1 of 4 answers" in row["note"]


def test_calls_and_machines_are_drawn_apart(called: list[Record], bench: Any, pricing: Pricing) -> None:
    """One is paid by the token, the other by the hour: the ratio has the spread of both."""
    records = [*called, *local(bench, scores=(1, 0) * 100)]
    row = rows_of(records, pricing, "tfidf", CALLED[0])[USD]
    prices = 1000 * usd(called[0])

    assert row["items"] is None
    assert row["reference_value"] == pytest.approx(0.10 / (100 * 3600) * 1000)
    assert row["ratio"] == pytest.approx(prices.mean() / row["reference_value"])
    error = prices.std() / np.sqrt(prices.size) / row["reference_value"]
    assert (row["low"], row["high"]) == pytest.approx(
        (row["ratio"] - 1.96 * error, row["ratio"] + 1.96 * error), rel=0.02
    )


def test_a_server_of_ones_own_has_no_price_and_the_note_says_so(
    called: list[Record], bench: Any, pricing: Pricing
) -> None:
    """No ratio is made up, the note says why, and quality stands."""
    local_server = bench.prompted([(1000, 0, 100)] * 200, model="openai:mine", url="http://127.0.0.1:8000/v1")
    rows = rows_of([*called, local_server], pricing, CALLED[0], "openai:mine")

    assert [rows[USD][name] for name in ("value", "ratio", "low", "p", "result")] == [None] * 5
    assert rows[USD]["reference_value"] is not None
    assert rows[USD]["note"].startswith("openai:mine: No price: genai-prices knows no 'mine'")
    assert rows["accuracy"]["difference"] == 0.0


def test_a_machine_without_a_price_leaves_quality_and_latency(two: list[Record], pricing: Pricing) -> None:
    """The note has the sentence of the cost table's error."""
    rows = rows_of(two, replace(pricing, prices={}))

    assert rows[USD]["value"] is rows[USD]["ratio"] is None
    assert "bert: No cost: " in rows[USD]["note"]
    assert "CPU" in rows[USD]["note"]
    assert rows[MEDIAN]["ratio"] is not None
    assert rows[ENERGY]["ratio"] == pytest.approx(4.0)
    with pytest.raises(FactError):
        cost(two, replace(pricing, prices={}))


def test_what_was_not_served_has_no_cost(two: list[Record], pricing: Pricing) -> None:
    """Nor a latency, nor an energy; each row says what to serve."""
    records = [one for one in two if one.step != "serve" or one.spec["model"] == "tfidf"]
    rows = rows_of(records, pricing)

    for metric, what in ((USD, "Offline"), (MEDIAN, "SingleStream"), (P99, "SingleStream"), (ENERGY, "Offline")):
        row = rows[metric]
        assert row["value"] is row["ratio"] is row["p_corrected"] is row["result"] is None
        assert row["note"].startswith("bert: ")
        assert what in row["note"]
        assert "tfidf: " not in row["note"] or metric == ENERGY


def test_a_cost_under_load_has_a_ratio_and_no_interval(bench: Any, pricing: Pricing) -> None:
    """The rate of one window: 2 a second is the highest that keeps the suite's limit."""
    records = [*local(bench), *bench.case(runtime="eager", latency_s=None)]
    records = [one for one in records if not (one.step == "serve" and one.spec["model"] == "bert")]
    base = next(one for one in records if one.step == "evaluate" and one.spec["model"] == "bert")
    row = rows_of([*records, bench.swept(base=base)], pricing)[USD]

    assert row["ratio"] == pytest.approx(50.0, rel=0.03)
    assert row["low"] is row["high"] is row["p"] is row["result"] is None
    assert "at a rate under load" in row["note"]


# Latency --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("metric", "share"), [(MEDIAN, 0.5), (P99, 0.99)])
def test_latencies_of_single_requests_against_scipys_bootstrap(
    two: list[Record], pricing: Pricing, metric: str, share: float
) -> None:
    """Percentiles of both samples, resampled apart."""
    row = rows_of(two, pricing)[metric]
    sides = [
        np.array(one.series["latency_s"]) for name in ("bert", "tfidf") for one in two
        if one.spec["model"] == name and one.spec.get("scenario") == "SingleStream"
    ]  # fmt: skip
    values = [np.sort(side)[int(np.ceil(share * 700)) - 1] for side in sides]

    def statistic(one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(np.divide(*(np.quantile(side, share, axis=axis, method="inverted_cdf")
                                      for side in (one, other))))  # fmt: skip

    checked = stats.bootstrap(sides, statistic, method="percentile", n_resamples=4000,
                              rng=np.random.default_rng(4)).confidence_interval  # fmt: skip
    assert (row["value"], row["reference_value"]) == pytest.approx(tuple(values))
    assert row["ratio"] == pytest.approx(values[0] / values[1])
    assert (row["low"], row["high"]) == pytest.approx(tuple(checked), rel=0.05)
    assert (row["items"], row["result"]) == (700, "higher")


def test_calls_for_the_same_items_are_timed_in_pairs(called: list[Record], pricing: Pricing) -> None:
    """Twice as long for each item: the ratio is 2 for every resample, and is said to be of calls in flight."""
    row = rows_of(called, pricing, *CALLED)[MEDIAN]

    assert (row["ratio"], row["low"], row["high"]) == pytest.approx((2.0, 2.0, 2.0))
    assert row["items"] == 200
    assert row["note"].count("with up to 16 in flight") == 2


def test_too_few_requests_support_no_percentile(called: list[Record], pricing: Pricing) -> None:
    """200 calls have a median, and 662 are needed for the 99th percentile."""
    row = rows_of(called, pricing, *CALLED)[P99]

    assert row["value"] is row["reference_value"] is row["ratio"] is None
    assert "needs 662 requests with a time, there are 200" in row["note"]


def test_calls_that_failed_have_no_time(called: list[Record], pricing: Pricing) -> None:
    """They are in no pair."""
    broken = [*called[0].usage["test"]["latency_s"][:150], *[None] * 50]
    records = [replace(called[0], usage={"test": {**called[0].usage["test"], "latency_s": broken}}), called[1]]
    row = rows_of(records, pricing, *CALLED)[MEDIAN]

    assert (row["items"], row["ratio"]) == (150, pytest.approx(2.0))


# Energy ---------------------------------------------------------------------------------------------------------------


def test_the_energy_of_one_metered_window_has_no_interval(two: list[Record], pricing: Pricing) -> None:
    """50 W at 100 and at 400 samples a second: 500 and 125 J for 1,000."""
    row = rows_of(two, pricing)[ENERGY]

    assert (row["value"], row["reference_value"]) == pytest.approx((500.0, 125.0))
    assert row["low"] is row["p"] is None
    assert row["note"].count("that of a single window") == 2


def test_metered_energy_of_several_windows_is_resampled(bench: Any, pricing: Pricing) -> None:
    """Three seeds a side: ratios lie between those of the extreme windows, and scipy's bootstrap agrees."""
    joules = {"bert": (400.0, 500.0, 600.0), "tfidf": (200.0, 220.0, 240.0)}
    records = []
    for seed in range(3):
        for case in (bench.case(runtime="eager", seed=seed), local(bench, seed=seed)):
            for each in case:
                read = {**each.readings, "energy_j": Reading(joules[each.spec["model"]][seed], "J")}
                records.append(replace(each, readings=read) if each.spec.get("scenario") == "Offline" else each)
    row = rows_of(records, pricing)[ENERGY]
    sides = [np.array(joules[name]) for name in ("bert", "tfidf")]
    checked = stats.bootstrap(sides, lambda one, other, axis: one.mean(axis=axis) / other.mean(axis=axis),
                              method="percentile", n_resamples=9999, rng=np.random.default_rng(5))  # fmt: skip

    assert row["ratio"] == pytest.approx(500 / 220)
    assert (row["low"], row["high"]) == pytest.approx(tuple(checked.confidence_interval), rel=0.03)
    assert (row["test"], row["result"], row["note"]) == ("bootstrap", "higher", None)


def test_an_estimated_energy_has_the_interval_of_its_bounds(bench: Any, pricing: Pricing) -> None:
    """Idle, by processor time and busy of both, drawn apart: against scipy's beta distributions."""
    records = []
    for rate, case in ((100.0, bench.case), (400.0, lambda **more: local(bench, **more))):
        for each in case(runtime="eager", rate=rate):
            read = {name: value for name, value in each.readings.items() if name != "energy_j"}
            if each.spec.get("scenario") == "Offline":
                read["cpu_s"] = Reading(5.0, "s")
            records.append(replace(each, readings=read, environment=MACHINE))
    row = rows_of(records, pricing)[ENERGY]
    # 10 s on two vCPUs with 10 GB: idle 0.74 W, busy 3.5 W, memory 3.92 W; 5 s of processor time.
    low, middle, high = 20 * 0.74 + 39.2, 20 * 0.74 + 5 * 2.76 + 39.2, 20 * 3.5 + 39.2
    alpha, beta = (1 + 4 * (part / (high - low)) for part in (middle - low, high - middle))
    random = np.random.default_rng(6)
    drawn = [low + (high - low) * random.beta(alpha, beta, 100_000) for _ in range(2)]

    assert (row["value"], row["reference_value"]) == pytest.approx((middle, middle / 4), rel=1e-3)
    assert (row["low"], row["high"]) == pytest.approx(np.quantile(4 * drawn[0] / drawn[1], (0.025, 0.975)), rel=0.03)
    assert row["test"] == "draws of an estimate"
    assert row["note"].count("Energy is estimated") == 2


def test_the_energy_of_a_server_is_not_known(called: list[Record], pricing: Pricing) -> None:
    """It is no 0."""
    row = rows_of(called, pricing, *CALLED)[ENERGY]

    assert row["value"] is row["ratio"] is None
    assert row["note"].count("server behind a URL is not known") == 2


# The command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def compare(
    called: list[Record], two: list[Record], bench: Any, make_store: Callable[..., str], tmp_path: Path, invoke: Any
) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that runs the command over a store with both kinds, and returns its rows."""
    book = tmp_path / "book.yaml"
    price = "usd: 0.05, per: hour, provider: b, offer: c1, region: eu-1, as_of: 2026-11-01, source: a list"
    book.write_text(f"prices:\n- {{item: CPU, {price}}}\n", encoding="utf-8")
    store = make_store(tmp_path / "store", [*two, *called])

    def run(*arguments: str) -> list[dict[str, Any]]:
        given = ("--store", store, "--price-book", str(book), "--format", "json", "--pricing", "as_of=2026-11-23")
        rows: list[dict[str, Any]] = json.loads(invoke("compare", *arguments, *given))
        return rows

    return run


def test_the_command_takes_the_options_of_the_cost_table(compare: Callable[..., list[dict[str, Any]]]) -> None:
    """Prices in, ratios out: a busier machine is cheaper on both sides."""
    half, whole = (
        {row["metric"]: row for row in compare("tfidf", "bert", "--pricing", f"utilisation={share}")}
        for share in (0.5, 1)
    )

    assert list(half) == ["accuracy", *UNITS]
    assert whole[USD]["value"] == pytest.approx(half[USD]["value"] / 2)
    assert whole[USD]["ratio"] == pytest.approx(half[USD]["ratio"]) == pytest.approx(4.0)


def test_a_machine_that_the_reader_names_is_taken_and_said(compare: Callable[..., list[dict[str, Any]]]) -> None:
    """Calls are not paid then; without a measured rate there is no cost."""
    called = {row["metric"]: row for row in compare(*CALLED)}
    named = {row["metric"]: row for row in compare(*CALLED, "--machine", f"{CALLED[1]}=CPUx2")}

    assert called[USD]["ratio"] > 1
    assert named[USD]["ratio"] is None
    assert "which you name (assumed)" in named[USD]["note"]
    with pytest.raises(FactError, match="abacus"):
        compare(*CALLED, "--machine", f"{CALLED[1]}=abacus")


def test_notes_are_in_chinese_too(called: list[Record], pricing: Pricing) -> None:
    """Names of candidates stay as they are typed."""
    with speaking("zh"):
        rows = rows_of(called, pricing, *CALLED)

    assert "能耗未知" in rows[ENERGY]["note"]
    assert "662" in rows[P99]["note"]
    assert rows[USD]["candidate"] == CALLED[1]
