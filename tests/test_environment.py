"""What a record says of machine and software is what is there; what cannot be read is missing, not 0."""

from __future__ import annotations

import os
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from harness import environment


def test_the_machine_is_told() -> None:
    """Processor, cores, memory, system and Python, all of them real."""
    machine = environment.machine()

    assert machine["cpu_model"]
    assert 1 <= machine["usable_cores"] <= machine["logical_cores"]
    assert machine["memory_bytes"] > 2**30
    assert machine["python"].startswith("3.")
    assert machine["os"]


def test_versions_are_those_of_the_distributions_that_bring_a_module() -> None:
    """A module's name need not be its distribution's; a module nobody knows brings nothing."""
    versions = environment.versions(["sklearn.linear_model", "yaml", "no_such_module_anywhere"])

    assert versions == {"PyYAML": metadata.version("pyyaml"), "scikit-learn": metadata.version("scikit-learn")}


def test_versions_in_a_text_are_those_of_installed_libraries() -> None:
    """By the name of a distribution or of a module; another number is no library's version."""
    installed = metadata.version("scikit-learn")
    text = f"sklearn {installed}, PyYAML 0.0.1, corpus 1.2, seed 0 and pluggy {metadata.version('pluggy')}: 12.0"

    assert environment.versions_in(text) == {"scikit-learn": installed, "pluggy": metadata.version("pluggy")}


def test_threads_and_the_variables_that_steer_them_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is set is there."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    told = environment.process()

    assert told["thread_variables"] == {"OMP_NUM_THREADS": "3"}
    assert told["load_average_1m"] is None or told["load_average_1m"] >= 0
    assert "torch_threads" in told


def _git(folder: Path, *arguments: str) -> None:
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, env={**os.environ, **identity}
    )


def test_the_commit_is_told_with_whether_sources_are_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout tells its commit, clean or dirty; a folder that is none tells nothing."""
    source = tmp_path / "environment.py"
    source.write_text("A = 1\n", encoding="utf-8")
    monkeypatch.setattr(environment, "__file__", str(source))
    outside = environment.commit()
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "first")
    clean = environment.commit()
    source.write_text("A = 2\n", encoding="utf-8")
    dirty = environment.commit()

    assert outside is None
    assert clean is not None
    assert dirty is not None
    assert len(clean["commit"]) == 40
    assert (clean["dirty"], dirty["dirty"]) == (False, True)


@pytest.mark.parametrize(("variable", "usable", "threads"), [
    (None, 2, 2), (None, 1.5, 2), ("3", 8, 3), (" 4,2 ", 8, 4), ("", 8, 8), ("none", 8, 8), ("0", 8, 8),
])  # fmt: skip
def test_threads_are_the_variables_or_one_a_processor(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, usable: float, threads: int
) -> None:
    """A share of a processor counts as one; what is no number of threads is passed over, as OpenMP does."""
    monkeypatch.setattr(environment, "usable_cpus", lambda: usable)
    if variable is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)

    assert environment.compute_threads() == threads


def test_libraries_take_no_more_threads_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container with one processor's share PyTorch and numpy compute in one thread, whatever the machine has."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    torch = pytest.importorskip("torch")
    before, pools = torch.get_num_threads(), threadpoolctl.threadpool_limits()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(environment, "usable_cpus", lambda: 0.5)
    try:
        environment.limit_threads()

        assert torch.get_num_threads() == environment.process()["threads"] == 1
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} == {1}
    finally:
        torch.set_num_threads(before)
        pools.restore_original_limits()
