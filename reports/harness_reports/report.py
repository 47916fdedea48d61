"""The report: one HTML file that holds everything, works offline and may be mailed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
from plotly.offline import get_plotlyjs

from harness.facts import UseCase
from harness.records import Record
from harness_reports import charts, formats, samples, statistics
from harness_reports.cost import cost
from harness_reports.frontier import frontier
from harness_reports.lineage import finished, label
from harness_reports.pricing import Pricing
from harness_reports.report_style import PAGE, STYLE
from harness_reports.tables import EVERY, accuracy, throughput
from harness_reports.verdict import VERDICTS, usd
from harness_reports.viability import viability

_NUMBER = re.compile(r"-?[\d,.]+(e[-+]\d+)?( MB)?")
_VOLATILE = ("load_average_1m",)


def html(records: Sequence[Record], pricing: Pricing, use_cases: Mapping[str, UseCase] | Iterable[UseCase]) -> str:
    """Return the report as a self-contained HTML page; every name and text from records is escaped.

    Raises:
        FactError: hardware has no price, or a use case lacks a figure.
    """
    cases = list(use_cases.values() if isinstance(use_cases, Mapping) else use_cases)
    verdicts, points = viability(records, pricing, cases), frontier(records, pricing)
    costs = cost(records, pricing)
    sections = [
        ("Summary", _summary(verdicts, records)),
        ("Verdicts", _verdicts(verdicts)),
        ("Cost against quality", _charts(points)),
        ("Quality", _table("accuracy", accuracy(records, EVERY))),
        ("What the models do", _samples(records)),
        ("Throughput and latency", _table("throughput", throughput(records))),
        ("Cost", _table("cost", costs)),
        ("Judgement of the numbers", _judgement(records)),
        ("Failures", _failures(records)),
        ("Assumptions and prices", _assumptions(verdicts, cases, costs, pricing)),
        ("Environment", _environment(records)),
    ]
    body = "\n".join(f"<section><h2>{escape(title)}</h2>\n{content}\n</section>" for title, content in sections)
    return PAGE.format(style=STYLE, library=f"<script>{get_plotlyjs()}</script>", body=body)


def _summary(verdicts: pd.DataFrame, records: Sequence[Record]) -> str:
    ok = finished(records)
    days = sorted({record.started_at[:10] for record in records})
    when = f", measured {days[0]}{f' to {days[-1]}' if len(days) > 1 else ''}" if days else ""
    lines = [_sentence(own) for _, own in verdicts.groupby("use_case", sort=False)]
    if verdicts.empty:
        lines = ["No use case has a measured candidate yet, so there is no verdict."]
    lines.append(escape(f"{len(ok)} of {len(records)} recorded steps finished{when}."))
    return "".join(f"<p>{line}</p>" for line in lines)


def _sentence(own: pd.DataFrame) -> str:
    """Say the best verdict of a use case and with which candidate, as HTML."""
    table = sorted(formats.rows(own), key=lambda row: (VERDICTS.index(row["verdict"]), -(row["npv_usd"] or 0.0)))
    best = table[0]
    head = f"<b>{escape(best['title'])}: {best['verdict']}</b>"
    count = f"{len(table)} candidates" if len(table) > 1 else "the only candidate"
    if best["verdict"] not in ("invest", "pilot"):
        return f"{head} ({escape(count)} measured). {escape(best['reasons'])}"
    who = f"{label(best)} on {best['runtime']}, {best['hardware']}"
    worth = f"net present value {usd(best['npv_usd'])} ({usd(best['npv_low_usd'])} to {usd(best['npv_high_usd'])})"
    even = f"breaks even at {formats.cell(best['break_even_requests'])} requests a year"
    return f"{head} with {escape(who)}: {escape(worth)}, {escape(even)}. {escape(best['reasons'])}"


def _verdicts(verdicts: pd.DataFrame) -> str:
    if verdicts.empty:
        return "<p>None.</p>"
    priced = verdicts[verdicts["npv_usd"].notna()]
    chart = _figure(charts.net_present_value(priced), "npv") if len(priced) else ""
    return _table("viability", verdicts) + chart


def _charts(points: pd.DataFrame) -> str:
    if points.empty:
        return "<p>Nothing was evaluated yet.</p>"
    facets = [own for _, own in points.groupby(["task", "source"], sort=False, dropna=False)]
    return "".join(_figure(charts.cost_accuracy(own), f"cost-{n}") for n, own in enumerate(facets))


def _samples(records: Sequence[Record]) -> str:
    parts = [f"<h3>{escape(title)}</h3>{samples.html(record.samples)}" for title, record in samples.shown(records)]
    return "".join(parts) or "<p>No task here shows samples.</p>"


def _figure(figure: Any, name: str) -> str:
    return str(figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config={"displaylogo": False}))


def _table(name: str, frame: pd.DataFrame) -> str:
    if frame.empty:
        return "<p>Nothing was measured yet.</p>"
    table, line = formats.shown(name, frame)
    said = f"<p class='same'>The same in every row: {escape(line)}</p>" if line else ""
    return _html_table(table.to_dict("records")) + said


def _html_table(table: Sequence[Mapping[Any, Any]]) -> str:
    """Return an HTML table; long texts lie below their row over its whole width."""
    if not table:
        return "<p>None.</p>"
    names = [str(name) for name in table[0] if name not in formats.LONG]
    head = "".join(f"<th>{escape(_heading(name))}</th>" for name in names)
    body = "".join(_html_row(names, row) for row in table)
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _html_row(names: Sequence[str], row: Mapping[Any, Any]) -> str:
    said = [str(row[name]) for name in formats.LONG if row.get(name) not in (None, formats.MISSING, "ok")]
    below = f"<tr class='below'><td colspan='{len(names)}'>{escape(' '.join(said))}</td></tr>" if said else ""
    return f"<tr>{''.join(_cell(name, row[name]) for name in names)}</tr>{below}"


def _heading(name: str) -> str:
    name = name.removesuffix("_bytes")
    return name.replace("usd_per_1k", "USD per 1,000").replace("_usd", " USD").replace("_", " ").replace("npv", "NPV")


def _cell(name: str, value: Any) -> str:
    shown = formats.cell(value)
    if name == "verdict":
        return f"<td><span class='verdict v{VERDICTS.index(shown)}'>{escape(shown)}</span></td>"
    number = _NUMBER.fullmatch(shown) is not None
    long = len(shown) > 60  # noqa: PLR2004 - where a line gets long
    kind = "number" if number or shown == formats.MISSING else "long" if long else "text"
    return f"<td class='{kind}'>{escape(shown)}</td>"


def _judgement(records: Sequence[Record]) -> str:
    table = [
        {**_who(record), "what is wrong and what to do": reason}
        for record in finished(records)
        for reason in [*statistics.judge(record), *record.notes]
    ]
    return _html_table(table) if table else "<p>Nothing to object to.</p>"


def _who(record: Record) -> dict[str, Any]:
    asked = record.asked
    names = ("task", "model", "size", "runtime", "scenario", "batch_size", "seed")
    return {"step": record.step, **{name: asked.get(name) for name in names}}


def _failures(records: Sequence[Record]) -> str:
    """List what did not work and still does not; a later success of the same step takes it off the list."""
    done = {record.fingerprint for record in finished(records)}
    latest = {record.fingerprint: record for record in records if record.fingerprint not in done}
    table = [{**_who(r), "outcome": r.outcome, "reason": r.reason, "when": r.started_at} for r in latest.values()]
    return _html_table(table) if table else "<p>Every step finished.</p>"


def _assumptions(verdicts: pd.DataFrame, cases: Iterable[UseCase], costs: pd.DataFrame, pricing: Pricing) -> str:
    used = set() if verdicts.empty else set(verdicts["use_case"])
    figures = [
        {
            "use case": case.name, "figure": name, "value": figure.value, "unit": figure.unit, "kind": figure.kind,
            "as of": figure.as_of.isoformat(), "source": figure.source,
        }
        for case in cases if case.name in used
        for name, figure in {**case.needs, **case.market}.items()
    ]  # fmt: skip
    items = set() if costs.empty else set(costs["price_item"])
    prices = [
        {
            "item": price.item, "USD": float(price.usd), "per": price.per, "provider": price.provider,
            "offer": price.offer, "region": price.region, "as of": f"{price.as_of} {price.as_of_note}".strip(),
            "source": price.source,
        }
        for price in pricing.prices.values() if price.item in items
    ]  # fmt: skip
    said = (
        f"Prices times {pricing.multiplier}; machines answer requests in {pricing.utilisation:.0%} of their paid time. "
        "Of several offers the newest counts, then the cheapest. Quality and seconds are measured, costs are derived "
        "from them, and figures of a use case are of the kind the table says."
    )
    return f"<p>{escape(said)}</p><h3>Use cases</h3>{_html_table(figures)}<h3>Prices</h3>{_html_table(prices)}"


def _environment(records: Sequence[Record]) -> str:
    """Show what all records agree on once, and what they do not with all its values."""
    values: dict[str, dict[str, None]] = {}
    for record in finished(records):
        for name, value in _flat(record.environment).items():
            if name not in _VOLATILE:
                values.setdefault(name, {})[value] = None
    return _html_table([{"what": name, "value": " | ".join(found)} for name, found in sorted(values.items())])


def _flat(body: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in body.items():
        flat |= (
            _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": formats.cell(value)}
        )
    return flat
