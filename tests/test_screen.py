"""Screens: markup and emoji codes in names, reasons and figures are text, on a plain console and on a live one."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from harness.plan import Plan, Step
from harness.plugins import Failure
from harness.records import Record
from harness.screen import FindingsScreen, LiveScreen, PlainScreen, open_screen, say
from harness.testing.findings import Finding

ODD = "[/red] [bold]name[/bold] :bug: \\"
ASKED = {"model": ODD, "size": "default", "task": ODD, "source": None, "start": "pretrained", "seed": 0}
STEP = Step("finetune", ASKED, {}, "f", {}, {})
RECORD = Record(
    id="1",
    fingerprint="f",
    step="finetune",
    outcome="ok",
    spec=ASKED,
    inputs={},
    started_at="2026-11-26",
    environment={},
    series={ODD: [0.5]},
)


def _console(*, live: bool) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=live, width=400, highlight=False, color_system=None, legacy_windows=False
    )


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("live", [False, True])
def test_names_are_text(live: bool) -> None:
    """Of a model, a loss, a reason, a plugin; also unmatched closing tags."""
    console = _console(live=live)
    screen = LiveScreen(console, 3) if live else PlainScreen(console)
    with screen:
        screen.begin(STEP, 1, 3)
        screen.progress(STEP, {"done": 0.5, "seconds": 2.0, "samples": 20, ODD: 0.25})
        if isinstance(screen, LiveScreen):
            screen._bars.refresh()
        screen.end(RECORD)
        screen.begin(STEP, 2, 3)
        screen.end(
            Record(
                id="2",
                fingerprint="f",
                step="finetune",
                outcome="failed",
                spec=ASKED,
                inputs={},
                started_at="2026-11-26",
                environment={},
                reason=f"reason {ODD}",
            )
        )
        screen.skipped(STEP, f"why {ODD}")
        screen.warn([Failure(f"plugin {ODD}", "d", f"failure {ODD}")])
    output = _text(console)

    assert f"[1/3] finetune {ODD} on {ODD} (seed 0): ok {ODD} 0.500" in output
    for text in (f"      reason {ODD}", f"not tried, why {ODD}", f"plugin {ODD} failed: failure {ODD}"):
        assert text in output
    assert (f"{ODD} 0.250 10 samples/s" in output) == live
    assert "🐛" not in output


@pytest.mark.parametrize(
    ("valid", "words"), [((False, False), "no run counts: saturated"), ((False, True), ""), ((), "")]
)
def test_a_load_of_which_no_run_counts_says_why(valid: tuple[bool, ...], words: str) -> None:
    """A search has runs that are saturated; one that counts is enough."""
    console = _console(live=False)
    runs = [{"valid": one, "why_not": None if one else "saturated"} for one in valid]
    with PlainScreen(console) as screen:
        screen.begin(STEP, 1, 3)
        screen.end(replace(RECORD, step="serve", used={"runs": runs}))

    assert ("no run counts" in _text(console)) == bool(words)
    assert words in _text(console)


def test_findings_are_text() -> None:
    """Of the conformance kit: subject, reason and remedy."""
    console = _console(live=False)
    FindingsScreen(console).show(Finding(f"model {ODD}", "check", "failed", f"why {ODD}", f"do {ODD}"))

    assert all(text in _text(console) for text in (f"model {ODD}", f"why {ODD}", f"do {ODD}"))


def test_what_is_said_is_said_in_one_line() -> None:
    """Long lines are not wrapped: terminals do that, and logs keep them whole."""
    console = Console(file=io.StringIO(), width=20)
    say(console, "x" * 50, (ODD, "red"))

    assert _text(console) == f"{'x' * 50}{ODD}\n"


def test_a_terminal_shows_bars_and_a_file_shows_lines(plan_of: Callable[..., Plan]) -> None:
    """A terminal gets bars, a file plain lines."""
    plan = plan_of()

    assert isinstance(open_screen(Console(file=io.StringIO(), force_terminal=True), plan), LiveScreen)
    assert type(open_screen(Console(file=io.StringIO()), plan)) is PlainScreen


def test_the_bars_say_loss_rate_and_step() -> None:
    """On a terminal a run shows the step's name and loss; markup in names is not interpreted."""
    console = _console(live=True)
    screen = LiveScreen(console, 3)
    with screen:
        screen.begin(STEP, 1, 3)
        screen.progress(STEP, {"done": 0.5, "seconds": 2.0, "samples": 20, "loss": 0.25})
        screen._bars.refresh()
        screen.end(replace(RECORD, outcome="failed", series={}, reason="[bold]broken[/bold]"))

    assert "loss 0.250 10 samples/s" in _text(console)
    assert "[bold]broken[/bold]" in _text(console)
