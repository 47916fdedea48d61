"""The dashboard in a real browser: verdicts, assumptions, downloads, layout."""

from __future__ import annotations

import csv
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.facts import Spread
from harness.plugins import load_plugins
from harness.store import peek_records
from harness.use_case_file import read_use_case
from harness_dashboards.assumptions import today
from harness_dashboards.parts import DEFAULTS
from harness_dashboards.texts import LANGUAGES
from harness_reports.business.choice import preference
from harness_reports.business.edited import with_numbers
from harness_reports.business.viability import viability
from harness_reports.cells import rows, usd
from harness_reports.prices.pricing import choose

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
Served = Callable[..., AbstractContextManager[str]]
PATIENCE_MS = 240_000
"""A page is drawn in seconds; on busy cores it may take minutes."""

VERDICTS = {"en": ("Verdicts", "Is it worth"), "zh": ("结论", "值不值得花这笔钱")}
CASE = {"en": ("Use case", "One use case and"), "zh": ("使用场景", "单个使用场景及其全部假设")}
COST = {"en": ("Cost versus", "What accuracy costs"), "zh": ("成本与准确率", "准确率要花多少钱")}
COMPARE = {"en": ("Compare", "Compare candidates item"), "zh": ("对比", "逐样本对比候选方案")}
PLAN = {"en": ("Scale planner", "What a training run at scale"), "zh": ("大规模训练规划", "一次大规模训练")}
ORIGIN = {"en": ("Where does this", "Where does this figure"), "zh": ("数据从何而来", "这个数字从何而来")}
RUNS = {"en": ("Runs", "What was measured"), "zh": ("运行记录", "测了什么")}


def _once(daily: str) -> list[Any]:
    """Return the languages as parameters: `daily` in every run, the others under `-m slow`."""
    return [pytest.param(one, marks=[] if one == daily else pytest.mark.slow) for one in LANGUAGES]


@pytest.fixture(scope="module")
def address(sampled: Path, served: Served) -> Iterator[str]:
    """Start the command on a free port and return its address."""
    with served("--store", os.environ.get("HARNESS_SCREENSHOT_STORE", str(sampled))) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start headless Chromium; its pages share a cache, since the dashboard's scripts are large."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed: apt-get install chromium")
        pytest.skip("no Chromium here: Debian's package `chromium` brings it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started.new_context(viewport={"width": 1440, "height": 1240}, reduced_motion="reduce")
        started.close()


@pytest.fixture
def page(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open the dashboard in a new session, at its first page or at another by its path."""
    path = getattr(request, "param", "")
    with _watched(browser) as opened:
        opened.goto(f"{address}/{path}")
        opened.get_by_text("Language / 语言" if path else "Profit probability").first.wait_for()
        yield opened


@contextmanager
def _watched(browser: Any) -> Iterator[Any]:
    """Open a page, on which no script may fail or open a dialog.

    Nothing may be fetched from another host, and the server's policy may forbid nothing that the page does.
    """
    opened = browser.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
    opened.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    for event in ("request", "websocket"):
        opened.on(event, lambda sent: faults.append(sent.url) if _is_foreign(sent.url) else None)
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()
    assert faults == []


def _is_foreign(url: str) -> bool:
    return urlsplit(url).hostname not in ("127.0.0.1", None)  # data: and blob: have no host


def _at(path: str) -> pytest.MarkDecorator:
    """Return the mark of a test that begins at another page than the first, which takes longest to draw."""
    return pytest.mark.parametrize("page", [path], indirect=True)


def _drawn(page: Any) -> None:
    """Wait until the page's script has ended, and the elements of the former page are gone."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


WATCH = """() => {
    const app = document.querySelector("[data-testid=stApp]"), state = "data-test-script-state";
    window.hasRun = false;
    new MutationObserver(() => { window.hasRun ||= app.getAttribute(state) === "running"; })
        .observe(app, {attributes: true, attributeFilter: [state]});
}"""


def _redrawn(page: Any, change: Callable[[], None]) -> None:
    """Change something on a drawn page, and wait until its script has run again, however fast."""
    page.evaluate(WATCH)
    change()
    page.wait_for_function("() => window.hasRun")
    _drawn(page)


def _choose(page: Any, chooser: Any, wanted: str) -> None:
    """Choose the first option that has a text, and wait until the page is drawn anew."""
    chooser.click()
    chooser.fill(wanted)
    _redrawn(page, page.get_by_role("option").filter(has_text=wanted).first.click)


def _screenshot(page: Any, name: str, folder: Path) -> None:
    _drawn(page)
    _picture(page, name, folder)


def _picture(page: Any, name: str, folder: Path) -> None:
    target = Path(os.environ.get("HARNESS_SCREENSHOT_DIR", folder)) / f"{name}.png"
    page.screenshot(path=str(target))
    assert target.stat().st_size > 20_000


def _margins(page: Any) -> list[str]:
    return [str(text) for text in page.get_by_test_id("stMetricValue").all_inner_texts()]


def test_a_slider_moves_the_figures_and_nothing_is_measured(page: Any, sampled: Path, tmp_path: Path) -> None:
    """A lower demand changes the figures; the store is not written."""
    database = sampled / "harness.db"
    _screenshot(page, "dashboard", tmp_path)
    before, written = _margins(page), database.stat().st_mtime_ns
    slider = page.get_by_role("slider", name="Demand").first

    def moved() -> bool:
        slider.press("ArrowLeft")  # repeatedly: a page that is still drawing ignores a key
        now = _margins(page)
        return now != before and len(now) == len(before)

    _until(page, moved)
    assert database.stat().st_mtime_ns == written


@_at("runs")
def test_the_runs_page_shows_failures_escaped(page: Any, tmp_path: Path) -> None:
    """The reason is text, and the environment of a run is there."""
    page.get_by_text("<b>out of luck</b>").first.wait_for()
    page.get_by_text("cpu_model").wait_for()
    _screenshot(page, "runs", tmp_path)


def test_the_report_downloads_and_opens(page: Any, tmp_path: Path) -> None:
    """From the first page, as one file that draws its charts without a server."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the investment memo").click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    memo = page.context.new_page()
    memo.set_default_timeout(PATIENCE_MS)
    memo.goto(file.as_uri())
    memo.locator(".js-plotly-plot .main-svg").first.wait_for()
    _picture(memo, "memo", tmp_path)

    memo.get_by_role("heading", name="Investment memo").wait_for()
    memo.get_by_text("Filing technical documents").first.wait_for()
    memo.close()


def _value(store: Path, value: list[float] | None) -> str:
    """Return the best NPV of `viability` for the document case, with a value per request."""
    plugins = load_plugins()
    case = plugins.use_cases()["document-classification"]
    edited = case if value is None else with_numbers(case, {"value_per_request_usd": value}, today())
    frame = viability(peek_records(str(store)), choose(plugins.price_books()["cloud"]), [edited])
    return usd(min(rows(frame), key=preference)["npv_mean_usd"])


def test_an_assumption_moves_verdict_and_value_as_the_functions_say(page: Any, sampled: Path, tmp_path: Path) -> None:
    """Opened from the first page, changed, kept while another page is open, saved, reset."""
    store = Path(os.environ.get("HARNESS_SCREENSHOT_STORE", sampled))
    card = page.get_by_text("Filing technical documents").first
    card.wait_for()
    page.locator(".st-key-open-document-classification button").click()
    page.get_by_role("heading", name=CASE["en"][1]).wait_for()
    page.locator(".js-plotly-plot").nth(2).wait_for()
    _screenshot(page, "case", tmp_path)
    before = _margins(page)
    assert before[0] == _value(store, None)

    field = page.locator(".st-key-figure-document-classification-value_per_request_usd-2 input")
    field.fill("1.2")
    _redrawn(page, partial(field.press, "Enter"))
    edited = _value(store, [0.05, 0.09, 1.2])
    _until(page, lambda: _margins(page)[0] == edited)
    page.get_by_role("link", name="Verdicts").click()
    page.get_by_text("Assumptions changed by you: 1").wait_for()
    page.get_by_role("link", name="Use case").click()
    page.get_by_role("button", name="Save as a use-case file").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save as a use-case file").click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    saved = read_use_case(file)
    assert saved.name == "document-classification-mine"
    assert saved.market["value_per_request_usd"].spread == Spread("triangular", (0.05, 0.09, 1.2))

    page.get_by_role("button", name="Reset").click()
    _until(page, lambda: _margins(page) == before)


def _until(page: Any, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        if holds():
            return
        page.wait_for_timeout(200)
    pytest.fail(f"the page shows {_margins(page)}")


def _sliders(page: Any) -> list[str]:
    return [str(text) for text in page.get_by_test_id("stSliderThumbValue").all_inner_texts()]


@pytest.mark.slow
def test_sliders_stay_from_page_to_page(page: Any) -> None:
    """Price, utilisation and demand, at their defaults and moved, each on the pages that they change."""
    utilisation = DEFAULTS["utilisation"]
    expected = {"price": "1.00", "utilisation": str(utilisation), "demand": "1×"}
    verdicts, costs = ("price", "demand"), ("price", "utilisation")
    for _ in range(2):
        for names, sliders in ((VERDICTS, verdicts), (CASE, verdicts), (ORIGIN, costs), (COST, costs)):
            _go(page, names)
            _drawn(page)
            shown = [expected[slider] for slider in sliders]
            _until(page, lambda shown=shown: _sliders(page)[:2] == shown)
        for name in ("Price of machines", "Utilisation"):
            _redrawn(page, partial(page.get_by_role("slider", name=name).first.press, "ArrowLeft"))
        expected |= {"price": "0.90", "utilisation": str(utilisation - 5)}


@pytest.mark.parametrize("language", _once("zh"))
def test_nothing_is_wider_than_the_window(page: Any, language: str, tmp_path: Path) -> None:
    """The page of a use case, in both languages, on a desktop and on a phone."""
    _speak(page, language, VERDICTS)
    page.locator(".st-key-open-document-classification button").click()
    page.get_by_role("heading", name=CASE[language][1]).wait_for()
    page.locator(".js-plotly-plot").nth(2).wait_for()
    main = page.get_by_test_id("stMain")
    for width in (1400, 420):
        page.set_viewport_size({"width": width, "height": 1240})
        _until(page, lambda: bool(main.evaluate("main => main.scrollWidth <= main.clientWidth")))
        _screenshot(page, f"case-{language}-{width}", tmp_path)


def _speak(page: Any, language: str, names: dict[str, tuple[str, str]]) -> None:
    """Select a language, and wait for the page's title in it and for all that follows it."""
    if language != "en":
        _drawn(page)  # a run that began before the click would set the language back
        page.get_by_text(LANGUAGES[language]).first.click()
    page.get_by_role("heading", name=names[language][1]).wait_for()
    _drawn(page)


def _go(page: Any, names: dict[str, tuple[str, str]]) -> None:
    """Select a page, and wait for its title."""
    link, title = names["en"]
    page.get_by_role("link", name=link).click()
    page.get_by_role("heading", name=title).wait_for()


@_at("plan")
@pytest.mark.parametrize("language", _once("en"))
def test_the_planner_opens(page: Any, language: str, tmp_path: Path) -> None:
    """Figures and a chart with all utilisations; more devices change the days."""
    _speak(page, language, PLAN)
    page.locator(".js-plotly-plot .bars .point").first.wait_for()
    _screenshot(page, f"plan-{language}", tmp_path)
    before = _margins(page)
    devices = page.get_by_role("spinbutton", name="Devices" if language == "en" else "设备数").first
    devices.fill("128")
    devices.press("Enter")

    assert "8.40e22" in before
    _until(page, lambda: page.locator(".js-plotly-plot .bars .point").count() == 15)
    _until(page, lambda: len(now := _margins(page)) == len(before) and now != before)


@_at("origin")
@pytest.mark.parametrize("language", _once("zh"))
def test_a_figure_opens(page: Any, language: str, tmp_path: Path) -> None:
    """A click folds the tree."""
    _speak(page, language, ORIGIN)
    tree = page.locator(".origin")
    tree.get_by_text("usd_per_hour / (samples_per_s").wait_for()
    _screenshot(page, f"origin-{language}", tmp_path)
    tree.locator("summary").first.click()
    tree.get_by_text("usd_per_hour / (samples_per_s").wait_for(state="hidden")


@pytest.mark.slow
@_at("compare")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_answers_of_both_are_read_and_downloaded(page: Any, language: str, tmp_path: Path) -> None:
    """Chosen by whose is right, and by a text; on a phone nothing is wider than the window."""
    _speak(page, language, COMPARE)
    _choose(page, page.get_by_test_id("stMain").get_by_role("combobox").first, "text-classification")
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    _screenshot(page, f"compare-{language}", tmp_path)
    wanted = {"en": "only the reference right", "zh": "仅参照对"}[language]
    _redrawn(page, page.get_by_role("button", name=wanted).or_(page.get_by_role("radio", name=wanted)).first.click)
    page.locator(".answers pre").first.wait_for()
    few = page.get_by_text({"en": " items", "zh": "个样本中的"}[language]).last.inner_text()
    name = {"en": "Search in inputs", "zh": "在输入和回答中搜索"}[language]
    field = page.get_by_role("textbox", name=name)
    field.fill("matrix")
    _redrawn(page, partial(field.press, "Enter"))
    file = _downloaded(page, page.locator("[class*=st-key-csv-answers] button"), tmp_path)
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))

    assert rows
    assert {row["outcome"] for row in rows} == {"reference only"}
    assert all("matrix" in row["input"].lower() for row in rows)
    assert few != page.get_by_text({"en": " items", "zh": "个样本中的"}[language]).last.inner_text()
    page.set_viewport_size({"width": 420, "height": 1240})
    main = page.get_by_test_id("stMain")
    _until(page, lambda: bool(main.evaluate("main => main.scrollWidth <= main.clientWidth")))
    _screenshot(page, f"compare-{language}-420", tmp_path)


@_at("runs")
@pytest.mark.parametrize("language", _once("en"))
def test_samples_and_metrics_of_a_run_are_shown(page: Any, language: str, tmp_path: Path) -> None:
    """The picture is drawn, the text keeps its lines, the caption is escaped."""
    _speak(page, language, RUNS)
    chooser = page.get_by_test_id("stMain").get_by_role("combobox").last
    _choose(page, chooser, {"en": "evaluate tfidf", "zh": "评测 tfidf"}[language])
    page.get_by_text("*four* <img src=x onerror=alert(1)>").wait_for()
    page.get_by_text("*four*").scroll_into_view_if_needed()
    _screenshot(page, f"samples-{language}", tmp_path)

    picture = page.locator("[data-testid=stImage] img")
    _until(page, lambda: bool(picture.evaluate("image => image.naturalWidth > 0")))  # it loads after the script ends
    page.get_by_text("<b>second</b> line").wait_for()


@pytest.mark.slow
@_at("cost")
def test_another_metric_draws_another_chart(page: Any, tmp_path: Path) -> None:
    """A metric that does not decide has a chart with its axis."""
    _speak(page, "en", COST)
    page.get_by_role("tab", name="text-classification").click()
    page.get_by_role("radio", name="misses").click()
    page.get_by_text("misses (share), lower is better").wait_for()
    _screenshot(page, "second-metric", tmp_path)


@pytest.fixture(scope="module")
def odd_address(served_store: Any, served: Served) -> Iterator[str]:
    """Start the command on a store that pages rarely see."""
    plugins = [part for file in served_store.plugins for part in ("--plugin", str(file))]
    with served("--store", str(served_store.location), *plugins) as url:
        yield url


def test_every_page_opens_on_every_store(browser: Any, odd_address: str, tmp_path: Path) -> None:
    """Without a traceback; names are text on the page, and in what it downloads."""
    with _watched(browser) as page:
        page.goto(odd_address)
        for names in (VERDICTS, CASE, COST, COMPARE, PLAN, ORIGIN, RUNS):
            _go(page, names)
            _drawn(page)
            for closed in reversed(page.locator("[data-testid=stMain] details:not([open]) > summary").all()):
                closed.click()  # the last first: the others keep their places

            assert page.get_by_test_id("stException").all_inner_texts() == []
            assert page.locator(".katex, a[href^=javascript], [src*='192.0.2.1']").count() == 0
            assert page.get_by_label("Download as CSV").count() == 0  # Streamlit's own, which escapes nothing
            for button in page.get_by_role("button", name="(CSV)").all():
                _check_csv(_downloaded(page, button, tmp_path))


def _downloaded(page: Any, button: Any, folder: Path) -> Path:
    with page.expect_download() as waiting:
        button.click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


def _check_csv(file: Path) -> None:
    """Check that no cell is a formula for a spreadsheet; a negative number is none."""
    with file.open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    formulas = [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(cell)]

    assert cells
    assert formulas == []


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_a_taken_port_is_an_error(walked: Path, harness_command: Any) -> None:
    """The server starts on no other port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = harness_command(walked, "dashboard", "--store", "store", "--port", str(port))

    assert done.code == 2
    assert f"Port {port} is taken" in done.stderr
