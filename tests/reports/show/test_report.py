"""The report: complete, self-contained, safe to open, and readable in a browser."""

from __future__ import annotations

import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from harness import FactError, UseCase
from harness.facts import Spread
from harness_reports.prices.pricing import Pricing
from harness_reports.show.report import html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page(suite: list[Any], pricing: Pricing, use_cases: dict[str, UseCase]) -> str:
    """Return the report of the small suite."""
    return html(suite, pricing, use_cases)


class Text(HTMLParser):
    """Collects headings and tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag with its attributes."""
        self.tags.append((tag, dict(attrs)))
        self._in_heading = tag == "h2"

    def handle_data(self, data: str) -> None:
        """Keep the text of a heading."""
        if self._in_heading:
            self.headings.append(data)
            self._in_heading = False


def parsed(page: str) -> Text:
    """Return a page, parsed."""
    text = Text()
    text.feed(page)
    return text


def body(page: str) -> str:
    """Return the page without the chart library."""
    return page[page.index("<body>") :]


def test_every_section_is_there(page: str) -> None:
    """In the order of an investor's questions."""
    assert parsed(page).headings == [
        "Summary", "Use cases", "All candidates", "Cost against quality", "Quality", "What the models do",
        "Throughput and latency", "Cost", "Judgement of the numbers", "Failures", "Assumptions and prices",
        "Environment",
    ]  # fmt: skip


def test_summary_has_the_verdict_with_its_interval(page: str) -> None:
    """In its first sentence."""
    assert (
        "<b>Filing things: invest</b> with bert tiny (pretrained) on onnx, cpu: expected net present value 16" in page
    )


def test_a_use_case_says_what_to_measure_next(bench: Any, pricing: Pricing, make_use_case: Any) -> None:
    """Below its verdict, with value and cost."""
    near = bench.case(scores=(1,) * 80 + (0,) * 20)
    page = body(html(near, pricing, [make_use_case(label_usd=0.5)]))

    assert "<p>Label and grade 400 more test items first: that is worth " in page


def test_the_verdicts_come_first_sorted(suite: list[Any], pricing: Pricing, make_use_case: Any) -> None:
    """One line for each use case with the deciding figures, before any chart."""
    lost = make_use_case("losing", value_per_request_usd=0.0)
    page = body(html(suite, pricing, [lost, make_use_case()]))
    summary = page[: page.index("<h2>Use cases")]

    assert summary.index("Filing things") < summary.index("Losing things")
    assert summary.index("<span class='verdict v0'>invest</span>") < summary.index("do not invest</span>")
    for word in ("P(NPV &gt; 0)", "payback years", "break-even requests a year"):
        assert word in summary


def test_every_use_case_has_its_needs_charts_and_alternatives(page: str) -> None:
    """Doing nothing is an alternative."""
    for number in (0, 1):
        for place in range(3):
            assert f'id="case-{number}-{place}"' in page
    assert page.count("<h4>Needs against measurements</h4>") == 2
    assert page.count("<h4>Alternatives</h4>") == 2
    assert "<td class='text'>nothing</td>" in page


def test_unmeasured_use_cases_are_named(suite: list[Any], pricing: Pricing, make_use_case: Any) -> None:
    """Without a verdict."""
    written = html(suite, pricing, [make_use_case(), make_use_case("flying", ("airplanes",))])

    assert "No measurement yet" in written
    assert "<td class='text'>Flying things</td>" in written


def test_hosted_models_are_compared_with_own_machines(suite: list[Any], pricing: Pricing, make_use_case: Any) -> None:
    """In a chart, where a use case names some."""
    case = make_use_case(input_tokens_per_request=500.0, output_tokens_per_request=20.0)
    written = html(suite, pricing, [replace(case, hosted=("openai/gpt-4.1-nano",))])

    assert "Own machines or calls of a hosted model" in written
    assert "openai/gpt-4.1-nano" in body(written)
    assert 'id="case-0-3"' in written


def test_a_distribution_is_shown_with_its_numbers(suite: list[Any], pricing: Pricing, make_use_case: Any) -> None:
    """Not only its mean."""
    case = make_use_case()
    spread = Spread("pert", (0.05, 0.1, 0.2))
    value = replace(case.market["value_per_request_usd"], value=spread.mean, spread=spread)
    written = html(suite, pricing, [replace(case, market={**case.market, "value_per_request_usd": value})])

    assert "pert 0.05, 0.1, 0.2" in written


def test_page_is_self_contained(page: str) -> None:
    """No tag refers to anything outside."""
    sources = [attrs.get(name) for _, attrs in parsed(page).tags for name in ("src", "href")]

    assert not any(sources)
    assert "Plotly.newPlot" in page
    assert "default-src 'none'" in page


def test_prices_and_figures_have_date_and_source(page: str) -> None:
    """In the section of assumptions."""
    for word in ("bench.example/prices", "2026-11-01", "somebody&#x27;s guess", "Discount rate"):
        assert word in page


def test_page_is_the_same_each_time(
    suite: list[Any], pricing: Pricing, use_cases: dict[str, UseCase], page: str
) -> None:
    """Without a clock or randomness."""
    assert html(suite, pricing, use_cases) == page


def test_names_from_records_are_text(bench: Any, pricing: Pricing, make_use_case: Any) -> None:
    """Models, sources, reasons, notes, devices and use cases are escaped."""
    environment = {"cpu_model": EVIL, "hardware": {"device_name": EVIL, "price_item": "CPU", "price_quantity": 2}}
    fields = {"environment": environment, "notes": [EVIL]}
    good = bench.case(model=EVIL, source=EVIL, size=EVIL, settings={EVIL: EVIL}, fields=fields)
    failed = bench.record("serve", bench.spec(model=EVIL), outcome="failed", reason=EVIL)
    case = replace(make_use_case(), title=EVIL, name="evil")

    written = body(html([*good, failed], pricing, [case]))

    assert "<img" not in written
    assert "&lt;img" in written


def test_failures_are_listed_until_a_later_success(bench: Any, pricing: Pricing) -> None:
    """With their reason."""
    good = bench.case()
    failed = replace(good[-1], id="failed", outcome="timed out", reason="limit of 60 s reached", readings={})

    assert "limit of 60 s reached" in html([*good[:-1], failed], pricing, [])
    assert "limit of 60 s reached" not in html([failed, *good], pricing, [])


def test_doubtful_numbers_are_listed(bench: Any, pricing: Pricing) -> None:
    """With the next step, and with notes of records."""
    page = html(bench.case(window_s=0.5, fields={"notes": ["The clock ended this training"]}), pricing, [])

    assert "The window is under 1 s (0.5 s): serve for longer." in page
    assert "The clock ended this training" in page


def test_environment_has_all_values(bench: Any, pricing: Pricing) -> None:
    """Both versions of a library, but no load averages."""
    hardware = {"device_name": "Bench 9000", "price_item": "CPU", "price_quantity": 2}
    environment = {"versions": {"torch": "2.14.0"}, "load_average_1m": 0.1234, "hardware": hardware}

    page = html([*bench.case(), *bench.case(seed=1, fields={"environment": environment})], pricing, [])

    assert "2.13.0 | 2.14.0" in page
    assert "0.1234" not in page


def test_report_of_nothing_says_so(pricing: Pricing, use_cases: dict[str, UseCase]) -> None:
    """Of an empty store."""
    page = html([], pricing, use_cases)

    assert "there is no verdict" in page
    assert "Nothing was measured yet" in page
    assert "0 of 0 recorded steps finished" in page


def test_unpriced_hardware_makes_no_report(bench: Any, pricing: Pricing) -> None:
    """It is an error, not a cost of 0."""
    fields = {"environment": {"hardware": {"device_name": "X", "price_item": "TPU", "price_quantity": 1}}}

    with pytest.raises(FactError, match="TPU"):
        html(bench.case(fields=fields), pricing, [])


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
def test_report_opens_in_a_browser_without_the_network(page: str, tmp_path: Path) -> None:
    """In headless Chromium charts are drawn, nothing is fetched and no script fails."""
    from playwright.sync_api import sync_playwright

    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    requests: list[str] = []
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1300, "height": 900})
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.set_default_timeout(240_000)  # two cores may be busy elsewhere
        tab.goto(file.as_uri())
        tab.wait_for_selector("#cost-1 .scatterlayer .point")
        drawn = {name: tab.locator(f"#{name} .scatterlayer .point").count() for name in ("npv", "cost-0", "cost-1")}
        ticks = tab.locator("#cost-1 .xtick text").all_text_contents()
        wide = tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        browser.close()

    assert drawn == {"npv": 6, "cost-0": 2, "cost-1": 4}
    assert ticks
    assert not any("0000" in tick for tick in ticks)
    assert not wide
    assert requests == [file.as_uri()]
    assert complaints == []
