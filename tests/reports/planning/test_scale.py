"""Planning at scale: scenarios, scaling laws, published runs, and the two commands."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.planning.published import PUBLISHED, RUNS, bracketed, published
from harness_reports.planning.scale import LAWS, MFU_SCENARIOS, SCENARIOS, Run, laws, scenarios
from harness_reports.prices.chips import ACCELERATORS, accelerators, find_accelerator
from harness_reports.prices.pricing import STALE_DAYS, today

H100 = find_accelerator("h100")


def _run(**changes: Any) -> Run:
    return Run(**{"params": 7e9, "tokens": 2e12, "accelerator": H100, "usd_per_device_hour": 2.0, **changes})


@settings(deadline=None, max_examples=30)
@given(st.floats(1e6, 1e12), st.floats(1e9, 1e14), st.sampled_from(sorted(accelerators())))
def test_a_better_utilisation_takes_less_of_everything(params: float, tokens: float, name: str) -> None:
    """Hours, days, energy and money are inversely proportional to it."""
    chip = find_accelerator(name)
    frame = scenarios(_run(params=params, tokens=tokens, accelerator=chip)).sort_values("mfu")

    for column in ("device_hours", "days", "energy_mwh", "co2e_tonnes", "rental_usd", "owned_usd"):
        if frame[column].notna().all():
            assert frame[column].astype(float).is_monotonic_decreasing
            products = frame[column].astype(float) * frame["mfu"]
            assert products.max() == pytest.approx(products.min())


def test_a_measured_utilisation_is_one_more_scenario() -> None:
    """Of kind `measured`."""
    frame = scenarios(_run(measured_mfu=0.41))

    assert list(frame["mfu"]) == [*MFU_SCENARIOS.values(), 0.41]
    assert list(frame["kind"]) == ["assumed"] * len(MFU_SCENARIOS) + ["measured"]
    assert {0.25, 0.35, 0.45} <= set(frame["mfu"])


def test_more_devices_take_fewer_days_and_as_many_hours() -> None:
    """Perfect scaling is assumed."""
    few, many = (scenarios(_run(devices=devices)).iloc[0] for devices in (8, 64))

    assert few["days"] == pytest.approx(8 * many["days"])
    assert few["device_hours"] == many["device_hours"]


def test_failed_runs_and_trials_multiply_the_hours() -> None:
    """By the multiplier."""
    once, thrice = (scenarios(_run(multiplier=m)).iloc[0] for m in (1.0, 3.0))

    assert thrice["rental_usd"] == pytest.approx(3 * once["rental_usd"])


def test_old_hardware_costs_its_owner_less() -> None:
    """Its value is lower; energy costs as much."""
    new, old = (scenarios(_run(hardware_age_years=age)).iloc[0]["owned_usd"] for age in (0.0, 2.0))

    assert 0 < old < new


def test_what_is_not_known_is_missing() -> None:
    """Without a price no rental, without rated power no energy; never 0."""
    frame = scenarios(_run(accelerator=find_accelerator("trainium1"), usd_per_device_hour=None))

    for column in ("rental_usd", "owned_usd", "energy_mwh", "co2e_tonnes"):
        assert frame[column].isna().all()
    assert frame["device_hours"].notna().all()


def test_there_are_three_laws() -> None:
    """With their optimum, and marked as extrapolated."""
    frame = laws(_run(lifetime_tokens=1e13))

    assert list(frame.columns) == list(LAWS)
    assert len(set(frame["law"])) == 3
    assert frame["extrapolated"].all()
    assert (frame["best_loss"] <= frame["planned_loss"]).all()
    assert (frame["life_params"] < frame["best_params"]).all()
    assert not laws(_run(params=1e8, tokens=1e9))["extrapolated"].any()


def test_the_least_devices_hold_the_training_state() -> None:
    """16 bytes per parameter: 7 billion are 112 GB, two cards of 80; 405 billion take 102."""
    assert _run().least_devices == 2
    assert _run(params=405e9).least_devices == 102


@pytest.mark.parametrize(
    "changes",
    [
        {"params": 0}, {"tokens": math.nan}, {"devices": 0}, {"pue": 0.9}, {"multiplier": 0.5},
        {"measured_mfu": 1.2}, {"measured_mfu": 0.0}, {"usd_per_device_hour": -1.0}, {"hardware_age_years": -1.0},
    ],
)  # fmt: skip
def test_a_bad_run_is_refused(changes: dict[str, float]) -> None:
    """When it is made."""
    with pytest.raises(FactError, match="Give "):
        _run(**changes)


def test_an_unknown_accelerator_is_refused() -> None:
    """With the nearest name; case does not matter."""
    with pytest.raises(FactError, match="Did you mean 'h100'"):
        find_accelerator("h10")
    assert find_accelerator("H100") is H100


def test_every_fact_has_its_date_and_source() -> None:
    """Of accelerators, their prices and published runs."""
    with ACCELERATORS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["as_of"], row["name"]
            assert row["source"], row["name"]
            assert bool(row["price_usd"]) == bool(row["price_as_of"]) == bool(row["price_source"]), row["name"]
    with RUNS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["source_primary"], row["id"]
            assert date.fromisoformat(row["compiled"])
            peak = find_accelerator(row["accelerator"]).peak_flops_per_s
            assert float(row["peak_16bit_dense_flops"]) == pytest.approx(peak, rel=1e-3), row["id"]


def test_the_planner_brackets_the_decoders() -> None:
    """At least 85 % of the published decoder runs."""
    frame = published()
    comparable = frame[(frame["arch"] == "decoder") & frame["within"].notna()]

    assert list(frame.columns) == list(PUBLISHED)
    assert len(comparable) >= 30
    assert bracketed(frame) >= 0.85


def test_the_three_middle_scenarios_alone_do_not() -> None:
    """They bracket seven in ten."""
    frame = published()
    mfu = frame[(frame["arch"] == "decoder")]["implied_mfu"].dropna()

    assert mfu.between(MFU_SCENARIOS["low"], MFU_SCENARIOS["high"]).mean() == pytest.approx(0.7, abs=0.02)


def test_a_known_run_comes_out_as_published() -> None:
    """Llama 3.1 405B at 34.6 %; DeepSeek-V3 at 2 USD: 5.3 million of its 5.576, for the hours of this stage."""
    frame = published().set_index("id")

    assert frame.loc["llama31-405b", "implied_mfu"] == pytest.approx(0.346, abs=1e-3)
    assert frame.loc["deepseek-v3", "usd_low"] < 5.328e6 < frame.loc["deepseek-v3", "usd_high"]
    assert frame.loc["llama31-405b", "usd_low"] is None or math.isnan(frame.loc["llama31-405b", "usd_low"])
    assert frame.loc["t5-11b", "flops_basis"] == "published"


# Commands -----------------------------------------------------------------------------------------------------


PLAN = ("plan", "--params", "7e9", "--tokens", "2e12", "--hardware", "h100")


def test_plan_prints_scenarios_and_laws(invoke: Any) -> None:
    """As text and as Markdown."""
    for form in ("text", "markdown"):
        printed = invoke(*PLAN, "--format", form)
        assert "hoffmann_rounded" in printed
        assert "edge high" in printed


def test_plan_in_json_has_every_column(invoke: Any) -> None:
    """With the price of an H100 and its day."""
    tables = json.loads(invoke(*PLAN, "--mfu", "0.4", "--format", "json"))

    assert set(tables) == {"scenarios", "laws"}
    assert set(tables["scenarios"][0]) == set(SCENARIOS)
    assert tables["scenarios"][-1]["kind"] == "measured"
    assert tables["scenarios"][0]["price_as_of"]
    assert tables["scenarios"][0]["rental_usd"] > 0


@pytest.mark.parametrize("age", [STALE_DAYS, STALE_DAYS + 1])
def test_plan_marks_an_old_price_as_tables_do(invoke: Any, tmp_path: Path, age: int) -> None:
    """A price is old after `STALE_DAYS` days; that of the hardware too."""
    day = today() - timedelta(days=age)
    file = tmp_path / "ours.yaml"
    file.write_text(
        f"prices: [{{item: H100-80GB, usd: 2, per: hour, provider: E, offer: a, region: r, as_of: {day}, source: s}}]",
        encoding="utf-8",
    )
    rows = json.loads(invoke(*PLAN, "--price-book", str(file), "--format", "json"))["scenarios"]

    caveat = f"The price is of {day}, {age} days old, over {STALE_DAYS}: look for a newer one."
    assert {row["price_stale"] for row in rows} == {caveat if age > STALE_DAYS else None}
    assert (caveat in " ".join(invoke(*PLAN, "--price-book", str(file)).split())) is (age > STALE_DAYS)
    assert "look for a newer one" in rows[0]["hardware_stale"]


def test_a_price_whose_day_is_not_exact_is_perhaps_old(invoke: Any) -> None:
    """The first possible day counts; the compared runs say `old`."""
    stale = json.loads(invoke(*PLAN, "--format", "json"))["scenarios"][0]["price_stale"]
    runs = json.loads(invoke("published", "--format", "json"))

    assert stale.startswith("The price is perhaps of 2025-07-01")
    assert {row["old"] for row in runs if row["price_as_of"] == "2025-07-01"} == {True}
    assert {row["old"] for row in runs if row["price_as_of"] == "its own"} == {None}


def test_plan_takes_the_readers_price(invoke: Any) -> None:
    """Its source says so."""
    rows = invoke(*PLAN, "--usd-per-hour", "2", "--format", "csv").splitlines()

    assert len(rows) == 1 + len(MFU_SCENARIOS)
    assert all("given with --usd-per-hour" in row for row in rows[1:])


def test_plan_without_a_price_has_no_rental(invoke: Any) -> None:
    """The book has no P100."""
    tables = json.loads(invoke("plan", "--params", "1e9", "--tokens", "1e10", "--hardware", "p100", "--format", "json"))

    assert all(row["rental_usd"] is None and row["price_source"] is None for row in tables["scenarios"])


def test_published_ends_with_what_the_planner_brackets(invoke: Any) -> None:
    """As text; other formats have the rows alone."""
    printed = invoke("published")

    assert "90 % of the decoders' published hours lie within" in printed
    assert printed.endswith("1 of 1 published costs whose hours and hourly rate are known.\n")
    assert len(json.loads(invoke("published", "--format", "json"))) == 44


# What a token passes ------------------------------------------------------------------------------------------


def test_attention_adds_its_operations() -> None:
    """PaLM 540B: 6N + 12·L·d·s."""
    plain = _run()
    attended = replace(plain, layers=118, attention_width=48 * 256, sequence_length=2048)

    assert attended.flops - plain.flops == pytest.approx(plain.tokens * 12 * 118 * 48 * 256 * 2048)
    with pytest.raises(FactError, match="Attention needs layers, attention_width, sequence_length"):
        replace(plain, layers=12)


def test_an_encoder_decoder_passes_half() -> None:
    """T5-11B: half of 6ND is near the published 3.3e22 and 4.05e22 operations, 6.6e22 is not."""
    t5 = replace(_run(), params=11e9, tokens=1e12, encoder_decoder=True)

    assert t5.flops == pytest.approx(3.3e22)


def test_a_mixture_of_experts_holds_more_than_it_passes() -> None:
    """DeepSeek-V3: 37 of 671 billion are active; all are in memory."""
    dense = replace(_run(), params=37e9)
    experts = replace(dense, total_params=671e9)

    assert experts.flops == dense.flops
    assert (dense.least_devices, experts.least_devices) == (10, 168)  # 16 bytes each, 64 of 80 GB
    with pytest.raises(FactError, match="total_params is"):
        replace(dense, total_params=1e9)


def test_a_peak_is_that_of_the_number_format() -> None:
    """On an H100 FP8 has twice the peak of bf16, so half the hours; a P100 has no FP8."""
    wide, narrow = (scenarios(replace(_run(), precision=name))["device_hours"] for name in ("fp16", "fp8"))

    assert (wide / narrow).tolist() == pytest.approx([2.0] * len(wide), rel=1e-3)
    with pytest.raises(FactError, match="Unknown peak of P100 SXM2 'fp8'"):
        replace(_run(), accelerator=find_accelerator("p100"), precision="fp8")
