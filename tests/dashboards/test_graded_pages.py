"""Pages over open answers that a judge and people graded: the mark that nobody validated it goes down to the memo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PAGES = ("verdicts_page", "case_page", "cost_page", "origin_page", "plan_page")
MARKS = {"en": "Judged, not validated", "zh": "仅经模型评审，未经验证"}
OUTPUTS = ["good"] * 190 + ["bad"] * 10


def _grade(_: int, answer: str) -> int:
    return 5 if answer == "good" else 1


@pytest.fixture(params=["judged", "not judged"])
def graded(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let pages read open answers; judged ones have a judge and ten grades of a person."""
    import harness_language
    from harness.store import open_store
    from harness_dashboards import sources
    from tests.reports.conftest import Bench, OpenAnswers

    made = OpenAnswers(Bench())
    case = [one for model in ("nearest", "writer") for one in made.case(OUTPUTS, model=model, data="faq")]
    few = 60 if request.param == "corrected" else 10
    people = made.people({"ann": {(f"q{place}", OUTPUTS[place]): 5 if place else 2 for place in range(few)}})
    store = open_store(str(tmp_path / "store"), create=True)
    for record in [*case, *([] if request.param == "not judged" else [made.judge(case, _grade), people])]:
        store.add(record)
    store.close()
    packaged = Path(harness_language.__file__).parent / "use_cases" / "document-classification.yaml"
    body = yaml.safe_load(packaged.read_text(encoding="utf-8")) | {"name": "asking", "tasks": ["open-answers"]}
    file = tmp_path / "asking.yaml"
    file.write_text(yaml.safe_dump({**body, "data": ["faq"]}), encoding="utf-8")
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    monkeypatch.setenv("HARNESS_PLUGINS", str(file))
    sources.plugins.clear()
    yield request.param
    sources.plugins.clear()


@pytest.mark.parametrize("graded", ["judged"], indirect=True)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(page: str, graded: str, open_page: Callable[..., Any]) -> None:
    """Over records of people's grades, which have no model, no machine and no seed."""
    open_page(page)


@pytest.mark.parametrize("language", MARKS)
def test_the_mark_is_in_the_memo(language: str, graded: str) -> None:
    """In both languages; where nobody graded, the command that judges is there, and no quality."""
    from harness_dashboards import sources, verdicts_page
    from harness_dashboards.texts import TEXTS
    from harness_reports.cli.options import read_pricing
    from harness_reports.reasons import speaking

    with speaking(language):
        cases = [case for case in sources.plugins().use_cases().values() if case.name == "asking"]
        page = verdicts_page.memo(cases, read_pricing(None, sources.plugins()), TEXTS[language])

    assert (MARKS[language] in page) == (graded == "judged")
    assert ("harness judge --model MODEL" in page) == (graded == "not judged")


@pytest.mark.parametrize("graded", ["corrected"], indirect=True)
def test_answers_of_a_corrected_share_are_sorted_by_right_and_wrong(graded: str, open_page: Callable[..., Any]) -> None:
    """On the page "Compare": people found the judge's first right answer wrong; whose grade counts is in the table."""
    from harness_dashboards.texts import TEXTS

    app, texts = open_page("compare_page"), TEXTS["en"]
    table = app.dataframe[-1].value

    assert [option.rpartition(" ")[2] for option in app.pills[0].options][:3] == ["(200)", "(189)", "(11)"]
    assert list(table[texts["column_outcome"]][:2]) == [texts["cell_both wrong"], texts["cell_both right"]]
    assert list(table[texts["column_graded_by"]])[59:61] == ["people", "judge"]


@pytest.mark.parametrize("graded", ["judged"], indirect=True)
def test_the_page_of_costs_begins_with_candidates(graded: str, open_page: Callable[..., Any]) -> None:
    """The judge's own rows, whose quality is the share of answers with a grade, came first."""
    from harness_dashboards.parts import plain

    app = open_page("cost_page")

    assert [tab.label for tab in app.tabs] == [plain(task) for task in ("open-answers", "answer-grading")]
