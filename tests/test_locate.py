"""Which modules count, and which are installed libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness import locate
from harness.locate import source_file


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path into which pip installed two distributions."""
    source = tmp_path / "source"
    (source / "made_package").mkdir(parents=True)
    (source / "made_package" / "__init__.py").touch()
    (source / "made_package" / "inner.py").touch()
    (source / "made_alone.py").touch()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        '[project]\nname = "made"\nversion = "1"\n\n'
        '[tool.hatch.build.targets.wheel]\ninclude = ["made_package", "made_alone.py"]\n',
        encoding="utf-8",
    )
    folder = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(folder), str(source)], check=True, stdin=subprocess.DEVNULL)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_what_pip_put_into_a_folder_of_any_name_is_a_library(target: Path) -> None:
    """Modules alone, packages, and modules in them."""
    assert (target / "made_package" / "inner.py").is_file()
    assert source_file("made_package") is None
    assert source_file("made_package.inner") is None
    assert source_file("made_alone") is None


def test_a_module_beside_libraries_is_a_users_own(target: Path) -> None:
    """It is not installed: edits count."""
    (target / "made_mine.py").touch()
    (target / "made_folder").mkdir()
    (target / "made_folder" / "helper.py").touch()

    assert source_file("made_mine") == target / "made_mine.py"
    assert source_file("made_folder.helper") == target / "made_folder" / "helper.py"


def test_the_source_of_an_editable_install_is_a_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setuptools writes an `egg-info` beside it."""
    (tmp_path / "made_own.py").touch()
    (tmp_path / "made_own.egg-info").mkdir()
    (tmp_path / "made_own.egg-info" / "top_level.txt").write_text("made_own\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert source_file("made_own") == tmp_path / "made_own.py"


def test_plugins_count_wherever_they_are_installed() -> None:
    """The harness and its plugins; Python's own modules and libraries do not."""
    assert source_file("harness.grading") is not None
    assert source_file("harness_language.tasks") is not None
    assert source_file("outside_plugin.good") is not None
    assert [source_file(name) for name in ("json", "numpy.linalg", "yaml")] == [None, None, None]


@pytest.fixture(autouse=True)
def _forget() -> None:
    """A folder's contents are cached for the process."""
    locate._installed_in.cache_clear()
