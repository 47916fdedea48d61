"""The page of runs: every record with its environment, failures and warnings about its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from harness.records import Record, failed, of_each_step
from harness_dashboards import sources
from harness_dashboards.parts import Texts, download, grid, plain, sentence
from harness_reports import cells
from harness_reports.measured.judgement import judge
from harness_reports.measured.lineage import why_stale
from harness_reports.measured.load_table import load
from harness_reports.measured.open_answers import STEP
from harness_reports.measured.samples import picture
from harness_reports.reasons import Reasons, named
from harness_reports.show.charts import legend_below
from harness_reports.show.charts_load import load_curve

HOW_READ = "how_read"
"""Of what a record used: how the data were read, a nested value."""
SAMPLES_BESIDE = 3


def show(texts: Texts) -> None:
    """Draw the page."""
    st.title(texts["runs_title"])
    everything = [record for record in sources.records() if record.step != STEP]  # grades of people are no run
    _now(texts)
    records = _filtered(everything, texts)
    warnings = {record.id: judge(record) if record.outcome == "ok" else Reasons() for record in records}
    shown = {record.id for record in records}
    bad = [record for record in failed(everything) if record.id in shown]
    left, middle, right = st.columns(3)
    left.metric(texts["steps"], len(of_each_step(records)))
    middle.metric(texts["failed"], len(bad))
    right.metric(texts["warnings"], sum(map(bool, warnings.values())))
    _failures(bad, texts)
    if not records:
        st.info(texts["no_runs"])
        return
    rows = [_row(record, warnings[record.id], texts) for record in records]
    table = pd.DataFrame(rows)
    st.subheader(texts["runs_page"])
    st.dataframe(table, hide_index=True, width="stretch")
    download("runs", table, texts)
    _under_load(records, texts)
    _details(records, texts)


@st.fragment(run_every=sources.SECONDS_TO_KEEP)
def _now(texts: Texts) -> None:
    """Show which steps are done now, where, and since when."""
    if rows := [
        {texts["step"]: one.title, texts["host"]: one.host, texts["since"]: f"{one.since:%Y-%m-%d %H:%M:%S}"}
        for one in sources.doing()
    ]:
        st.subheader(texts["running_now"])
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def _filtered(records: Sequence[Record], texts: Texts) -> list[Record]:
    with st.sidebar:
        st.header(texts["filters"])
        outcomes = _pick(texts["outcome"], sorted({record.outcome for record in records}), texts)
        steps = _pick(texts["step"], list(dict.fromkeys(record.step for record in records)), texts)
    return [
        record
        for record in records
        if (not outcomes or record.outcome in outcomes) and (not steps or record.step in steps)
    ]


def _pick(label: str, names: list[str], texts: Texts) -> list[str]:
    words = {name: named("cell", name) for name in names}
    return list(st.multiselect(label, names, placeholder=texts["every"], format_func=words.__getitem__))


def _failures(bad: Sequence[Record], texts: Texts) -> None:
    st.subheader(texts["failures"])
    if not bad:
        st.success(texts["no_failures"])
    for record in bad:
        with st.expander(plain(f"{named('cell', record.outcome)}: {title(record)}"), expanded=True):
            st.code(record.reason or "", language=None, wrap_lines=True)
            if record.traceback:
                st.code(record.traceback, language=None)


def title(record: Record) -> str:
    """Return a run's name."""
    spec = record.spec
    where = [str(spec[name]) for name in ("runtime", "scenario") if name in spec]
    step = named("cell", record.step)
    return " ".join([step, spec["model"], spec["size"], "·", spec["task"], *where, f"· {spec['seed']}"])


def _row(record: Record, warnings: Reasons, texts: Texts) -> dict[str, Any]:
    spec = record.spec
    changed = why_stale(record)
    stale = texts["stale_because"].format(what=sentence(changed, texts)) if changed else ""
    remarks = filter(None, (record.reason, sentence(warnings, texts), stale, *record.notes))
    return {
        texts["step"]: named("cell", record.step),
        texts["model"]: f"{spec['model']} {spec['size']}",
        texts["outcome"]: named("cell", record.outcome),
        texts["judgement"]: " ".join(remarks),
        texts["task"]: spec["task"],
        texts["data"]: spec["data"],
        texts["hardware"]: spec["hardware"],
        texts["runtime"]: " ".join(str(spec[name]) for name in ("runtime", "scenario") if name in spec),
        texts["started"]: record.started_at[:19].replace("T", " "),
        texts["duration"]: record.value("wall_s"),
    }


def _under_load(records: Sequence[Record], texts: Texts) -> None:
    """Show the throughput–latency curves of each task, where it was served under load."""
    frame = load(records)
    if frame.empty:
        return
    st.subheader(texts["of_load"])
    for (task, data), facet in frame.groupby(["task", "data"], sort=False):
        st.markdown(f"**{plain(f'{task}: {data}')}**")
        chart = legend_below(load_curve(facet))
        st.plotly_chart(chart, width="stretch", theme=None, key=f"load-{task}-{data}")
    st.caption(texts["load_note"])
    grid("load", frame, texts)


def _details(records: Sequence[Record], texts: Texts) -> None:
    st.subheader(texts["details"])
    by_id = {record.id: record for record in records}
    titles = {one: title(record) for one, record in by_id.items()}
    chosen = by_id[st.selectbox(texts["choose_run"], list(titles), format_func=titles.__getitem__)]
    used = chosen.used
    spec, readings, environment = st.columns(3)
    for column, name, body in (
        (spec, "spec", {**chosen.spec, **{f"used {key}": used[key] for key in used if key != HOW_READ}}),
        (
            readings,
            "readings",
            {key: f"{value.value:g} {value.unit} ({texts[value.kind]})" for key, value in chosen.readings.items()},
        ),
        (environment, "environment", chosen.environment),
    ):
        column.markdown(f"**{texts[name]}**")
        column.html(_pairs(body) or cells.MISSING)  # Streamlit refuses an empty text
    if HOW_READ in used:
        st.json({HOW_READ: used[HOW_READ]}, expanded=False)
    _metrics(chosen, texts)
    _samples(chosen, texts)


def _metrics(record: Record, texts: Texts) -> None:
    """Show an evaluation in every metric that it was graded by, the deciding one first."""
    if record.metrics:
        st.markdown(f"**{texts['metrics']}**")
        rows = [
            {
                texts["metric"]: metric["name"],
                texts["value"]: cells.cell(record.metric_value(metric)),
                texts["unit"]: metric["unit"],
                texts["random_baseline"]: cells.cell(metric.get("random_baseline")),
                texts["better"]: texts["higher" if metric["higher_is_better"] else "lower"],
            }
            for metric in record.metrics
        ]
        table = pd.DataFrame(rows)
        st.dataframe(table, hide_index=True, width="content")
        download("metrics", table, texts)


def _samples(record: Record, texts: Texts) -> None:
    """Show what the model does, three beside each other."""
    if record.samples:
        st.markdown(f"**{texts['samples']}**")
    for start in range(0, len(record.samples), SAMPLES_BESIDE):
        beside = zip(st.columns(SAMPLES_BESIDE), record.samples[start : start + SAMPLES_BESIDE], strict=False)
        for column, sample in beside:
            content = picture(sample)
            if content is None:
                column.code(sample["content"], language=None, wrap_lines=True)
            else:
                column.image(content)
            column.caption(plain(sample["caption"]))


def _pairs(body: Mapping[str, Any], prefix: str = "") -> str:
    lines = []
    for key, value in body.items():
        if isinstance(value, Mapping) and value:
            lines.append(_pairs(value, f"{prefix}{key} "))
        else:
            lines.append(f"<div><small><b>{escape(prefix + str(key))}</b> {escape(str(value))}</small></div>")
    return "".join(lines)
