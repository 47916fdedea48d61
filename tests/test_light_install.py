"""The core alone, installed from the wheel into an empty environment, reads a store and names missing libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
STORE = ROOT / "tests" / "reports" / "sample"
CORE_MIB = 600
"""More than the core (about 400 MiB), far less than PyTorch alone."""


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `bin` folder of an empty environment with the core in it."""
    folder = tmp_path_factory.mktemp("core")
    venv.create(folder / "venv", with_pip=True)
    wheels = folder / "wheels"
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-build-isolation",
        "--no-deps",
        "--wheel-dir",
        str(wheels),
    ]
    subprocess.run([*build, str(ROOT)], check=True)
    (wheel,) = wheels.glob("*.whl")
    bin_folder = folder / "venv" / "bin"
    install = [str(bin_folder / "python"), "-m", "pip", "install", "--quiet", "--no-compile"]
    subprocess.run([*install, "--constraint", str(ROOT / "constraints.txt"), str(wheel)], check=True)
    return bin_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a store alone in it."""
    shutil.copytree(STORE, tmp_path / "store", ignore=shutil.ignore_patterns("*.json"))
    return tmp_path


def _run(core: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(core / "harness"), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _mebibytes(site_packages: Path) -> float:
    return sum(file.stat().st_size for file in site_packages.rglob("*") if file.is_file()) / 2**20


def test_the_core_has_no_torch_and_is_small(core: Path) -> None:
    """Sizes of the core and of what is installed here, with all extras and the tests' tools, are printed."""
    code = "import importlib.util as u; print([n for n in ('torch', 'transformers', 'streamlit') if u.find_spec(n)])"
    done = subprocess.run([str(core / "python"), "-I", "-c", code], capture_output=True, text=True, check=True)
    (site_packages,) = core.parent.glob("lib/*/site-packages")
    size = _mebibytes(site_packages)
    here = {Path(path) for path in sys.path if path.endswith("site-packages")}
    print(f"core: {size:.0f} MiB; all, with the tests' tools: {sum(map(_mebibytes, here)):.0f} MiB")  # noqa: T201

    assert done.stdout == "[]\n"
    assert size < CORE_MIB


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "plugins",
        *(f"table {name} --store store" for name in ("accuracy", "throughput", "cost", "serving", "frontier")),
        *(f"table {name} --store store" for name in ("viability", "sensitivity", "alternatives")),
        "table portfolio --budget-usd 500000 --store store",
        "report --store store -o report.html",
        "prices",
        "prices hosted --item openai/gpt-4.1-nano",
        "explain cost --model tfidf --column train_usd --store store",
        "plan --params 7e9 --tokens 2e12 --hardware h100",
        "published",
        "new model mine",
    ],
)
def test_the_core_reads(command: str, core: Path, folder: Path) -> None:
    """Every command that measures nothing works."""
    done = _run(core, folder, *command.split())

    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "warning" not in done.stderr


@pytest.mark.parametrize(
    ("command", "extras"),
    [
        ("run quick", "control,language,onnx,vision"),
        ("run quick --dry-run", "control,language,onnx,vision"),
        ("run quick --model hf:folder", "checkpoints"),
        ("run quick --model onnx:file.onnx", "onnx"),
        ("check tfidf", "language"),
        ("dashboard --store store", "dashboard"),
        ("table accuracy --store postgresql://me@here/results", "postgresql"),
    ],
)
def test_what_the_core_lacks_is_told(command: str, extras: str, core: Path, folder: Path) -> None:
    """Names the missing libraries and the command that installs them; exit code 2 and no file."""
    done = _run(core, folder, *command.split())

    assert done.returncode == 2, done.stdout + done.stderr
    assert f'python -m pip install "viability-harness[{extras}]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.iterdir()] == ["store"]


def test_parquet_names_the_library_that_writes_it(core: Path, folder: Path) -> None:
    """It is no library of the core's."""
    done = _run(core, folder, "table", "accuracy", "--store", "store", "--format", "parquet", "-o", "a.parquet")

    assert done.returncode == 2
    assert "Next: python -m pip install pyarrow" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["store"]


def test_the_listing_of_the_core_names_each_extra(core: Path, folder: Path) -> None:
    """With what it would bring."""
    listed = _run(core, folder, "plugins").stdout.partition("\nnot installed\n")[2]

    for extra in ("checkpoints", "control", "language", "onnx", "vision"):
        assert f'python -m pip install "viability-harness[{extra}]"' in listed
