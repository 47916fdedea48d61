"""The pages of `docs/`: their snippets run and print what the page shows, and their tables name what is public."""

from __future__ import annotations

import importlib
import inspect
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "reports" / "harness_reports"
MODULES = {"reports": "harness_reports", "testing": "harness.testing", "torch_learner": "harness.torch_learner"}
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?```python\n(.*?)```\n(?:\nIt prints:\n\n```text\n(.*?)```)?", re.DOTALL)
DECIMAL = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
"""A number that may differ between processors in its last digits."""


def _page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def _rows(page: str, heading: str) -> list[str]:
    """Return the first cells of the table under a heading."""
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE)


def _names(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`(\w+)", cell)]


def test_every_page_is_tested() -> None:
    """No page is left out."""
    assert {page.stem for page in (ROOT / "docs").iterdir()} == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_snippets_of_a_page_run_and_print_what_it_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one folder, in their order; a block that is a file is written there. Run here, where libraries are loaded."""
    monkeypatch.chdir(tmp_path)
    _copy_store(tmp_path / "harness-results")
    shown = 0
    for file, code, expected in BLOCK.findall(_page(name)):
        if file:
            (tmp_path / file).write_text(code, encoding="utf-8")
            continue
        exec(compile(code, f"docs/{name}.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own page
        printed = capsys.readouterr().out
        assert DECIMAL.split(_spaced(printed)) == DECIMAL.split(_spaced(expected))
        assert _decimals(printed) == pytest.approx(_decimals(expected), rel=0.02)
        shown += bool(printed)

    assert shown == 1


def _copy_store(folder: Path) -> None:
    """Copy the sample store: a database is written to when it is opened."""
    folder.mkdir()
    shutil.copy(ROOT / "tests" / "reports" / "sample" / "harness.db", folder)


def _spaced(text: str) -> str:
    """Return text with single spaces: the width of a column depends on its numbers."""
    return " ".join(text.split())


def _decimals(text: str) -> list[float]:
    return [float(number) for number in DECIMAL.findall(text)]


@pytest.mark.parametrize("name", MODULES)
def test_a_page_names_what_is_public_and_no_more(name: str) -> None:
    """Its table holds each name of `__all__` once."""
    named = _names(_rows(_page(name), "Names"))

    assert sorted(named) == sorted(importlib.import_module(MODULES[name]).__all__)


@pytest.mark.parametrize("name", MODULES)
def test_a_page_shows_signatures_as_they_are(name: str) -> None:
    """A call's parameters are those of the function, with their defaults; `…` stands for the rest."""
    _compare_signatures(_rows(_page(name), "Names"), importlib.import_module(MODULES[name]))


def _compare_signatures(cells: list[str], owner: object) -> None:
    for cell in cells:
        for name, shown in re.findall(r"`(\w+)(\(.*?\))`", cell):
            assert _without_types(getattr(owner, name)).startswith(shown.removesuffix("…)")), name


def _without_types(function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    bare = [one.replace(annotation=one.empty) for name, one in signature.parameters.items() if name != "self"]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty)).replace("'", '"')


def test_the_page_of_the_learner_names_its_methods() -> None:
    """All public ones, and those that a subclass must write first."""
    from harness.torch_learner import TorchLearner

    cells = _rows(_page("torch_learner"), "Methods")
    methods = _names(cells)

    assert sorted(methods) == sorted(name for name in vars(TorchLearner) if not name.startswith("_"))
    assert set(methods[:3]) == TorchLearner.__abstractmethods__
    _compare_signatures(cells, TorchLearner)


def test_links_lead_to_files() -> None:
    """From the pages, and from the README to each page."""
    for name in MODULES:
        for link in re.findall(r"\]\(([^)#]+)\)", _page(name)):
            assert (ROOT / "docs" / link).exists(), link
        assert f"](docs/{name}.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_walks_lead_to_what_there_is() -> None:
    """Each path is there, and each name stands in a file of its row; commands and links are tested elsewhere."""
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = contributing.partition("\n## Where things are\n")[2].partition("\n## ")[0]
    walks = [row for row in section.splitlines() if row.startswith("| where ")]
    for walk in walks:
        tokens = [token for token in re.findall(r"`([^`]+)`", walk) if not token.startswith("harness ")]
        places = {token: ROOT / token if (ROOT / token).exists() else REPORTS / token for token in tokens}
        text = "".join(place.read_text(encoding="utf-8") for place in places.values() if place.is_file())
        for token, place in places.items():
            words = [token] if "/" in token else token.split(".")
            assert place.exists() or all(re.search(rf"\b{re.escape(word)}\b", text) for word in words), token

    assert len(walks) == 7
