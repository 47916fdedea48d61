"""The report: an investment memo in one HTML file that works offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
from plotly.offline import get_plotlyjs

from harness.facts import Figure, UseCase
from harness.records import Record, failed, of_each_step
from harness_reports import cells
from harness_reports.business.choice import attention
from harness_reports.business.unjudged import in_words, unjudged
from harness_reports.business.verdict import WORTHY
from harness_reports.business.viability import VIABILITY, Candidates, judge_all
from harness_reports.measured import judgement, samples
from harness_reports.measured.lineage import finished, label, why_stale
from harness_reports.measured.load_table import load
from harness_reports.measured.results import Results
from harness_reports.measured.tables import EVERY, accuracy, throughput
from harness_reports.prices.cost import cost
from harness_reports.prices.frontier import frontier
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import LANGUAGES, as_text, named, spoken, translated
from harness_reports.show import charts, report_limits
from harness_reports.show.charts_load import load_curve
from harness_reports.show.report_case import case_html
from harness_reports.show.report_parts import figure, html_table, table
from harness_reports.show.report_style import PAGE, STYLE
from harness_reports.show.words import in_language, say

_VOLATILE = ("load_average_1m",)


def html(records: Sequence[Record], pricing: Pricing, use_cases: Mapping[str, UseCase] | Iterable[UseCase]) -> str:
    """Return the report as a self-contained HTML page in which all names and texts of records are escaped.

    Raises:
        FactError: hardware has no price, or a use case lacks a figure.
    """
    records = Results.of(records)
    cases = list(use_cases.values() if isinstance(use_cases, Mapping) else use_cases)
    judged = _judged(records, pricing, cases)
    count = sum(len(candidates.judged) for candidates in judged.values())
    each = report_limits.of_each(count, len(judged))
    shown = [candidate for candidates in judged.values() for candidate in candidates.ranked[:each]]
    verdicts = pd.DataFrame([as_text(candidate.row) for candidate in shown], columns=list(VIABILITY))
    points, costs = frontier(records, pricing), cost(records, pricing)
    sections = [
        (say("Summary"), _summary(judged, cases, records)),
        (say("Use cases"), _use_cases(judged)),
        (say("All candidates"), _verdicts(verdicts, count)),
        (say("Cost against quality"), _charts(points)),
        (say("Quality"), _table("accuracy", accuracy(records, EVERY))),
        (say("What the models do"), _samples(records)),
        (say("Throughput and latency"), _table("throughput", throughput(records))),
        *_load(load(records)),
        (say("Cost"), _table("cost", costs)),
        (say("Judgement of the numbers"), _judgement(records)),
        (say("Failures"), _failures(records)),
        (say("Assumptions and prices"), _assumptions(verdicts, cases, costs, pricing)),
        (say("Environment"), _environment(records)),
    ]
    body = "\n".join(f"<section><h2>{escape(title)}</h2>\n{content}\n</section>" for title, content in sections)
    library = f"<script>{get_plotlyjs()}</script>"
    title = escape(say("Investment memo"))
    return PAGE.format(style=STYLE, library=library, body=body, language=spoken(), title=title)


def _table(name: str, frame: pd.DataFrame) -> str:
    """Return a table; of a long one the best rows of each task's data, and how many there are."""
    best = report_limits.best_rows(name, frame)
    return table(name, best) + report_limits.rest(name, len(best), len(frame))


def _summary(judged: Mapping[str, Candidates], cases: Sequence[UseCase], records: Sequence[Record]) -> str:
    outcomes = Counter(record.outcome for record in of_each_step(records))
    days = sorted({record.started_at[:10] for record in records})
    span = say("{first} to {last}").format(first=days[0], last=days[-1]) if len(set(days)) > 1 else "".join(days[:1])
    finish = say("{ok} of {all} recorded steps finished").format(ok=outcomes["ok"], all=outcomes.total())
    when = say(", measured {days}").format(days=span) if span else ""
    others = say("; {failed} failed, {unsupported} are unsupported.").format(
        failed=len(failed(records)), unsupported=outcomes["unsupported"]
    )
    lines = [_sentence(candidates) for candidates in judged.values()]
    if not judged:
        lines = [say("No use case has a measured candidate yet, so there is no verdict.")]
    if left := unjudged(records, cases):
        lines.append(escape(say("No use case takes {data}, so they have no verdict.").format(data=in_words(left))))
    lines.append(escape(f"{finish}{when}{others}"))
    overview = html_table([_in_short(candidates.best.row) for candidates in judged.values()]) if judged else ""
    return (
        overview
        + "".join(f"<p>{line}</p>" for line in lines)
        + _unmeasured(case for case in cases if case.name not in judged)
    )


def _in_short(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the deciding figures of a use case's best candidate."""
    margin = row["unit_margin_usd"]
    return {
        "use case": row["title"], "verdict": row["verdict"], "best candidate": _best(row),
        "P(NPV > 0)": row["probability_positive"], "expected NPV USD": row["npv_mean_usd"], "P5": row["npv_low_usd"],
        "P95": row["npv_high_usd"], "margin USD per 1,000": None if margin is None else margin * 1000,
        "payback years": row["payback_years"], "break-even requests a year": row["break_even_requests"],
    }  # fmt: skip


def _best(row: Mapping[str, Any]) -> str:
    return say("{label} on {runtime}, {hardware}").format(
        label=label(row), runtime=row["runtime"], hardware=row["hardware"]
    )


def _sentence(candidates: Candidates) -> str:
    """Return a use case's best verdict with its candidate, as HTML."""
    best, measured = candidates.best.row, len(candidates.judged)
    note = f" <b>{escape(str(candidates.headline))}</b>" if candidates.headline else ""
    title = say("{title}: {verdict}").format(title=translated(best["title"]), verdict=named("cell", best["verdict"]))
    head = f"<b>{escape(title)}</b>"
    count = say("{count} candidates").format(count=measured) if measured > 1 else say("the only candidate")
    if best["verdict"] not in WORTHY:
        return head + escape(say(" ({count} measured). ").format(count=count) + str(best["reasons"])) + note
    usd = LANGUAGES[spoken()].usd
    npv, low, high = (usd(best[name]) for name in ("npv_mean_usd", "npv_low_usd", "npv_high_usd"))
    even = cells.cell(best["break_even_requests"])
    value = say(
        " with {best}: expected net present value {npv} (5th to 95th percentile {low} to {high}); in the base case "
        "it breaks even at {even} requests a year. "
    ).format(best=_best(best), npv=npv, low=low, high=high, even=even)
    return head + escape(value + str(best["reasons"])) + note


def _judged(records: Sequence[Record], pricing: Pricing, cases: Iterable[UseCase]) -> dict[str, Candidates]:
    """Return the candidates of every use case that has any, the best verdict first."""
    judged = sorted(judge_all(records, pricing, cases), key=lambda candidates: attention(candidates.best.row))
    return {candidates.market.use_case.name: candidates for candidates in judged}


def _use_cases(judged: Mapping[str, Candidates]) -> str:
    parts = [case_html(candidates, number) for number, candidates in enumerate(judged.values())]
    return "".join(parts) or f"<p>{say('None.')}</p>"


def _unmeasured(cases: Iterable[UseCase]) -> str:
    lines = [
        {"use case": case.title, "name": case.name, "tasks": ", ".join(case.tasks), "data": ", ".join(case.data)}
        for case in cases
    ]
    return f"<h3>{say('No measurement yet')}</h3>{html_table(lines)}" if lines else ""


def _verdicts(verdicts: pd.DataFrame, count: int) -> str:
    if verdicts.empty:
        return f"<p>{say('None.')}</p>"
    priced = verdicts[verdicts["npv_mean_usd"].notna()]
    chart = figure(charts.net_present_value(priced), "npv") if len(priced) else ""
    return table("viability", verdicts) + report_limits.rest("viability", len(verdicts), count) + chart


def _charts(points: pd.DataFrame) -> str:
    if points.empty:
        return f"<p>{say('Nothing was evaluated yet.')}</p>"
    best = report_limits.best_rows("frontier", points)
    facets = [facet for _, facet in best.groupby(["task", "data"], sort=False)]
    drawn = "".join(
        figure(charts.cost_accuracy(facet, in_language(charts.WORDS)), f"cost-{n}") for n, facet in enumerate(facets)
    )
    return drawn + report_limits.rest("frontier", len(best), len(points))


def _load(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the section of what was measured under load; none where nothing was."""
    if frame.empty:
        return []
    best = report_limits.best_rows("load", frame)
    facets = [facet for _, facet in best.groupby(["task", "data"], sort=False)]
    drawn = "".join(
        f"<h3>{escape(': '.join(facet.iloc[0][['task', 'data']]))}</h3>" + figure(load_curve(facet), f"load-{number}")
        for number, facet in enumerate(facets)
    )
    return [(say("Under load"), _table("load", frame) + drawn)]


def _samples(records: Sequence[Record]) -> str:
    shown = report_limits.samples_of_each(samples.shown(records))
    parts = [f"<h3>{escape(title)}</h3>{samples.html(record.samples)}" for title, record in shown]
    return "".join(parts) or f"<p>{say('No task here shows samples.')}</p>"


def _judgement(records: Sequence[Record]) -> str:
    judged, line = report_limits.newest(finished(records))
    table = [
        {**_who(record), "what is wrong and what to do": reason}
        for record in judged
        for reason in [*_stale(record), *map(str, judgement.judge(record)), *record.notes]
    ]
    return (_few(table) if table else f"<p>{say('No objections.')}</p>") + line


def _few(lines: Sequence[Mapping[Any, Any]]) -> str:
    """Return a table of a list; of a long one the first rows, and how many there are."""
    first, line = report_limits.few(lines)
    return html_table(first) + line


def _stale(record: Record) -> list[str]:
    if not record.stale:
        return []
    return [say("stale: {why}. Run its suite again to measure what is installed.").format(why=why_stale(record))]


def _who(record: Record) -> dict[str, Any]:
    spec = record.spec
    names = ("task", "data", "model", "size", "runtime", "scenario", "batch_size", "seed")
    return {"step": record.step, **{name: spec.get(name) for name in names}}


def _failures(records: Results) -> str:
    """Return tables of the steps that failed and are unsupported, and the records that could not be read."""
    unsupported = [record for record in records if record.outcome == "unsupported"]
    tables = {"": _ended(failed(records)), f"<h3>{say('Unsupported')}</h3>": _ended(unsupported)}
    written = [head + _few(table) for head, table in tables.items() if table]
    if records.left_out:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in records.left_out)
        written.append(f"<h3>{say('Records that cannot be read')}</h3><ul>{items}</ul>")
    return "".join(written) or f"<p>{say('Every step finished.')}</p>"


def _ended(records: Iterable[Record]) -> list[dict[str, Any]]:
    return [{**_who(r), "outcome": r.outcome, "reason": r.reason, "when": r.started_at} for r in records]


def _assumptions(verdicts: pd.DataFrame, cases: Iterable[UseCase], costs: pd.DataFrame, pricing: Pricing) -> str:
    used = set() if verdicts.empty else set(verdicts["use_case"])
    figures = [
        {
            "use case": case.name, "figure": name, "value": figure.value, "distribution": _spread(figure),
            "unit": figure.unit, "kind": figure.kind,
            "as of": figure.as_of.isoformat(), "source": figure.source,
        }
        for case in cases if case.name in used
        for name, figure in {**case.needs, **case.market}.items()
    ]  # fmt: skip
    items = set() if costs.empty else set(costs["price_item"])
    prices = [
        {
            "item": price.item, "USD": float(price.usd), "per": price.per, "provider": price.provider,
            "offer": price.offer, "region": price.region, "billing": price.billing, "energy": price.energy,
            "as of": f"{price.as_of} {price.as_of_note} {pricing.stale(price) or ''}".strip(),
            "source": price.source,
        }
        for price in pricing.prices.values() if price.item in items
    ]  # fmt: skip
    text = say(
        "Prices times {multiplier}; machines answer requests in {utilisation} of their paid time. Of several offers "
        "the newest counts, then the cheapest. Quality and seconds are measured, costs are derived from them, and "
        "figures of a use case are of the kind the table says."
    ).format(multiplier=pricing.multiplier, utilisation=cells.share(pricing.utilisation))
    tables = f"<h3>{say('Use cases')}</h3>{html_table(figures)}<h3>{say('Prices')}</h3>{html_table(prices)}"
    return f"<p>{escape(text)}</p>{tables}"


def _spread(figure: Figure) -> str | None:
    """Return a figure's distribution with the numbers that its author gave."""
    if figure.spread is None:
        return None
    return f"{figure.spread.shape} {', '.join(f'{number:g}' for number in figure.spread.numbers)}"


def _environment(records: Sequence[Record]) -> str:
    """Return a table of environments: each name with all of its values in the records."""
    values: dict[str, dict[str, None]] = {}
    newest, line = report_limits.newest(finished(records))
    for record in newest:
        for name, value in _flat(record.environment).items():
            if name not in _VOLATILE:
                values.setdefault(name, {})[value] = None
    return html_table([{"what": name, "value": " | ".join(texts)} for name, texts in sorted(values.items())]) + line


def _flat(body: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in body.items():
        flat |= (
            _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": cells.cell(value)}
        )
    return flat
