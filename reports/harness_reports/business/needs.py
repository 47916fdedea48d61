"""The needs of a use case against the measurements of a candidate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness_reports.business.market import NO_THIRD_PARTY, Market
from harness_reports.business.viability import CandidateVerdict
from harness_reports.cells import plain
from harness_reports.reasons import Reason

NEEDED = ("need", "needed", "unit", "measured", "low", "high", "met", "why")
MET = ("yes", "maybe", "no", "unknown", "not measured")
"""`maybe`: the interval holds the needed value. `unknown`: too few requests were measured."""
_MET = {"met": "yes", "missed": "no", "unknown": "unknown", None: "not measured"}


def needs(market: Market, judged: CandidateVerdict) -> list[dict[str, Any]]:
    """Return one row for each need of a use case: the needed value, the measured one, and whether the need is met.

    `low` and `high` are the 95 % interval. Quality is met if the worse end of its interval is good enough. Latency is
    the 99th percentile of single requests, or of calls, met or missed with 99 % confidence. Privacy is met by
    candidates that run on owned or rented machines, where no third party sees a request; calls of a served model go
    to its provider. Explainability is not measured.
    """
    rows = [_blank(market, name) | cells for name, cells in _cells(market, judged)]
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def _blank(market: Market, name: str) -> dict[str, Any]:
    unit = market.use_case.needs[name].unit
    return {**dict.fromkeys(NEEDED), "need": name, "needed": market.numbers[name], "unit": unit, "met": "not measured"}


def _cells(market: Market, judged: CandidateVerdict) -> Iterator[tuple[str, dict[str, Any]]]:
    row = judged.cells
    for name in market.use_case.needs:
        if name == "quality":
            yield name, _quality(row, market.numbers[name], bool(judged.evidence.accuracy["higher_is_better"]))
        elif name == "latency_s":
            yield name, {"measured": row["latency_p99_s"], "met": _MET[row["latency_limit"]]}
        elif name == "privacy":
            yield name, _privacy(market, judged)
        elif market.numbers[name] == 0:
            yield name, {"met": "yes", "why": Reason("nothing needed")}
        else:
            yield name, {}


def _privacy(market: Market, judged: CandidateVerdict) -> dict[str, Any]:
    if judged.evidence.buying != "calls":
        return {"met": "yes", "why": Reason("own machine", {"hardware": judged.cells["hardware"]})}
    if not market.privacy:
        return {"met": "yes", "why": Reason("nothing needed")}
    exposed = market.privacy >= NO_THIRD_PARTY
    return {"met": "no", "why": Reason("third party")} if exposed else {"why": Reason("provider's contract")}


def _quality(row: dict[str, Any], needed: float, higher_is_better: bool) -> dict[str, Any]:
    sign = 1 if higher_is_better else -1
    # Without an interval the value is both ends.
    ends = [row[name] if row[name] is not None else row["quality"] for name in ("quality_low", "quality_high")]
    enough = [sign * (end - needed) >= 0 for end in ends]
    met = "yes" if all(enough) else "maybe" if any(enough) else "no"
    return {"measured": row["quality"], "low": row["quality_low"], "high": row["quality_high"], "met": met}
