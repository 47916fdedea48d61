"""Where the figures of the pretraining table come from."""

from __future__ import annotations

from typing import NamedTuple

from harness_reports.business.pretraining import Pair, value_usd
from harness_reports.explain.business import Case, Known, viability_figures
from harness_reports.explain.market import figure, known
from harness_reports.explain.years import USD
from harness_reports.figures.explained import Explained, named
from harness_reports.prices.cost_figures import cost_figures
from harness_reports.prices.pricing import Pricing

_USES = ("development_multiplier", "gain_usd_per_use", "break_even_uses", "pays")


class Compared(NamedTuple):
    """What stands behind one row."""

    pair: Pair
    pricing: Pricing


def pretraining_figures(own: Compared) -> dict[str, Explained]:
    """Return the figures of a row of the pretraining table by column."""
    cost = cost_figures(own.pair.pretrained.measured, own.pricing)
    figures = [*_gain(own), cost["pretrain_usd"], cost["finetune_usd"]]
    if own.pair.candidates is None:
        note = "no use case has this task, so a better answer has no price"
        figures += [Explained(name, None, note=note) for name in _USES]
    else:
        figures += _uses(own, Case(own.pair.candidates, own.pricing), cost["pretrain_usd"])
    return {each.name: each for each in figures}


def _gain(own: Compared) -> list[Explained]:
    row = own.pair.row
    scratch, pretrained = own.pair.scratch.graded, own.pair.pretrained.graded
    values = [named(each.figure, name) for each, name in ((scratch, "scratch"), (pretrained, "pretrained"))]
    gain = Explained("gain", row["gain"], pretrained.unit,
                     "pretrained - scratch" if pretrained.sign > 0 else "scratch - pretrained",
                     inputs=tuple(values))  # fmt: skip
    ends = [
        Explained(name, row[name], pretrained.unit, inputs=(gain,),
                  note=f"{share}th percentile of the difference, seeds and items resampled, paired by item")
        for name, share in (("gain_low", "2.5"), ("gain_high", "97.5"))
    ]  # fmt: skip
    return [*values, gain, *ends]


# In money ---------------------------------------------------------------------------------------------------------


def _uses(own: Compared, case: Case, pretrain: Explained) -> list[Explained]:
    row, market = own.pair.row, case.candidates.market
    multiplier = figure(market, "development_multiplier")
    if row.get("gain_usd_per_use") is None:
        note = "something that the value of a use takes was not measured"
        return [multiplier, *(Explained(name, None, note=note) for name in _USES[1:])]
    gain = _gain_usd(own, case)
    parts = (pretrain, multiplier, gain)
    uses = Explained("break_even_uses", row["break_even_uses"], inputs=parts,
                     note="none: a use gains nothing" if row["break_even_uses"] is None else
                     "pretrain_usd × development_multiplier / gain_usd_per_use, rounded up to whole uses")  # fmt: skip
    foreseen = known(market, "pretraining_uses")
    limit = "pretraining_uses" if foreseen else "the one use that is foreseen"
    pays = Explained("pays", row["pays"], inputs=(uses, *foreseen.values()),
                     note=f"whether break_even_uses are no more than {limit}")  # fmt: skip
    return [multiplier, gain, uses, pays]


def _gain_usd(own: Compared, case: Case) -> Explained:
    name, value = "gain_usd_per_use", own.pair.row["gain_usd_per_use"]
    scratch, pretrained = case.known
    worth = _worth("scratch_use_usd", scratch), _worth("pretrained_use_usd", pretrained)
    if own.pair.row["told_apart"] == "not told apart":
        note = "a difference of quality within its interval is worth nothing"
        return Explained(name, value, USD, note=note, inputs=worth)
    return Explained(name, value, USD, "pretrained_use_usd - scratch_use_usd", inputs=worth)


def _worth(name: str, use: Known) -> Explained:
    """Return what a use is worth, pretraining left out."""
    value = value_usd(use.judged, use.market)
    inputs = (
        viability_figures(use)["npv_usd"], use.cost()["pretrain_usd"], *known(use.market, "pretraining_uses").values(),
        figure(use.market, "development_multiplier"),
    )  # fmt: skip
    if not value:
        return Explained(name, value, USD, inputs=inputs, note="0: it is left, as it loses money or misses the quality "
                         "that is needed")  # fmt: skip
    shared = "pretrain_usd / pretraining_uses" if "pretraining_uses" in use.market.numbers else "pretrain_usd"
    return Explained(name, value, USD, f"npv_usd + {shared} * development_multiplier", note="pretraining left out",
                     inputs=inputs)  # fmt: skip
