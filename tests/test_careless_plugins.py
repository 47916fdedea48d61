"""What a plugin does to the process while it loads stays its own: the command line works, and says whose it is."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from harness.basis import Bases
from harness.guard import guarded
from harness.plugins import load_plugins
from harness.testing.isolated import heavy_imports

HOOK = "import harness\n@harness.hookimpl\n"
EXITS = {
    "import": "import sys\nsys.exit('no licence key')\n",
    "models": f"{HOOK}def harness_models(): raise SystemExit('no licence key')\n",
    "price books": f"{HOOK}def harness_price_books(): exit('no licence key')\n",
    "commands": f"{HOOK}def harness_commands(app): raise SystemExit('no licence key')\n",
    "at once": "import os\nos._exit(0)\n",
    "check": f"{HOOK}def harness_check_use_case(use_case): raise SystemExit('no licence key')\n",
}
NOISY = (
    "import atexit, os, subprocess\nprint('by Python')\nos.write(1, b'by C\\n')\n"
    "subprocess.run(['echo', 'by a child'])\n"
    f"atexit.register(print, 'at exit')\n{HOOK}def harness_models():\n    print('by a hook')\n    return []\n"
    "from harness_hardware.cpu import Cpu\nclass Chatty(Cpu):\n    name = 'chatty'\n"
    "    def unavailable(self):\n        print('by a method')\n"
    "@harness.hookimpl\ndef harness_hardware():\n    return [Chatty()]\n"
)
STATE = (
    "import io, os, signal, sys\nos.chdir('/')\nsys.argv[:] = ['x']\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    "sys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nsys.stderr = open(os.devnull, 'w')\n"
)
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def beside(tmp_path: Path) -> Callable[[str], Command]:
    """Install a distribution whose plugin `careless` has this source; return a function that runs `harness`."""

    def install(source: str) -> Command:
        information = tmp_path / "site" / "careless-1.0.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: careless\nVersion: 1.0\n", encoding="utf-8")
        (information / "entry_points.txt").write_text("[harness]\ncareless = careless_models\n", encoding="utf-8")
        (tmp_path / "site" / "careless_models.py").write_text(source, encoding="utf-8")

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
            return subprocess.run(["harness", *arguments], cwd=tmp_path, env=environment, capture_output=True,
                                  text=True, encoding="utf-8", check=True)  # fmt: skip

        return run

    return install


@pytest.mark.parametrize(
    "where",
    [pytest.param(where, marks=() if where in ("import", "at once") else pytest.mark.slow) for where in EXITS],
)
def test_a_plugin_that_exits_is_named_and_the_rest_works(beside: Callable[[str], Command], where: str) -> None:
    """Wherever the harness asks it, and only this plugin is named."""
    harness = beside(EXITS[where])
    listed = json.loads(harness("plugins", "--json").stdout)
    failures = [one for one in listed["failures"] if one["distribution"] != "harness-outside-plugin"]

    assert [one["plugin"] for one in failures] == ["careless"]
    assert failures[0]["reason"].endswith("SystemExit: 0" if where == "at once" else "SystemExit: no licence key")
    assert "FAILED careless (careless): " in harness("plugins").stdout
    assert "plugins" in harness("--help").stdout
    assert next(csv.DictReader(io.StringIO(harness("prices", "--format", "csv").stdout)))["usd"]


def test_what_a_plugin_prints_does_not_reach_standard_output(beside: Callable[[str], Command]) -> None:
    """Neither by Python, C, a child process, a hook, a method nor at exit; what comes while it loads has its name."""
    harness = beside(NOISY)
    done = harness("plugins", "--json")

    assert "chatty" in json.loads(done.stdout)["hardware"]
    told = [line.partition(" printed ") for line in done.stderr.splitlines()]
    printed = [ast.literal_eval(text).splitlines() for who, _, text in told if who == "plugin 'careless'"]
    assert [sorted(lines) for lines in printed] == [["by C", "by Python", "by a child"], ["by a hook"]]
    assert {"by a method", "at exit"} <= set(done.stderr.splitlines())
    assert len({len(row) for row in csv.reader(io.StringIO(harness("prices", "--format", "csv").stdout))}) == 1


LATE = (
    "import os, sys, threading, time\nkept = sys.stdout\n"
    "def speak():\n    for _ in range(1000):\n"
    "        print('by a thread')\n        print('to a kept stream', file=kept)\n"
    "        kept.flush()\n        os.write(1, b'by C in a thread\\n')\n        time.sleep(0.001)\n"
    "threading.Thread(target=speak, daemon=True).start()\n"
)


@pytest.mark.parametrize("command", [("plugins", "--json"), ("prices", "--format", "json")])
def test_what_a_thread_of_a_plugin_prints_later_does_not_either(
    beside: Callable[[str], Command], command: tuple[str, ...]
) -> None:
    """While the command computes and writes what it was asked for; a child process that ends by `os._exit` does so."""
    child = "if os.fork() == 0:\n    os._exit(0)\nos.wait()\n"
    done = beside(LATE + child)(*command)

    assert json.loads(done.stdout)
    assert {"by a thread", "to a kept stream", "by C in a thread"} <= set(done.stderr.splitlines())


def test_what_a_plugin_changes_is_undone_and_said(beside: Callable[[str], Command], tmp_path: Path) -> None:
    """Relative paths, the arguments and the streams of the command are those of the user."""
    done = beside(STATE)("prices", "--format", "csv", "-o", "prices.csv")

    assert (tmp_path / "prices.csv").is_file()
    for what in ("the working folder", "sys.argv", "sys.stdout", "sys.stderr", "what Ctrl-C does"):
        assert f"plugin 'careless' changed {what}, which is undone" in done.stderr


def test_ctrl_c_while_a_plugin_loads_stays_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no fault of the plugin, which is named: it may have raised it itself."""
    (tmp_path / "slow.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")

    with pytest.raises(KeyboardInterrupt):
        load_plugins([str(tmp_path / "slow.py")])

    assert "plugin 'slow' was at work when it was stopped" in capsys.readouterr().err


def test_the_guard_restores_after_an_error(tmp_path: Path) -> None:
    """The folder and the descriptor of standard output are the former ones."""
    before = Path.cwd(), os.fstat(1).st_ino
    noted: list[str] = []
    with pytest.raises(OSError, match="broken"), guarded(noted.append):  # noqa: PT012 - what it does before the error
        os.chdir(tmp_path)
        os.write(1, b"half a word")
        raise OSError("broken")

    assert (Path.cwd(), os.fstat(1).st_ino) == before
    assert noted == ["printed 'half a word'", "changed the working folder, which is undone"]


TOY = str(Path(__file__).with_name("toy_plugin.py"))
SUITE = {
    "name": "alike",
    "tasks": ["parity"],
    "hardware": ["here"],
    "runtimes": ["plain"],
    "starts": ["scratch"],
    "budgets": {"finetune": {"steps": 1}},
    "serve": {"seconds": 0.05, "queries": 5},
}
NAMED_ALIKE = ("a/mine.py", "b/mine.py", "b/json.py", "b/language.py")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the toy plugin's file and those of models `model-0`, …; the working folder is that of most of them."""
    for number, name in enumerate(NAMED_ALIKE):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(
            f"from harness_file_toy_plugin import Counter\nclass Mine(Counter):\n    name = 'model-{number}'\n"
            f"{HOOK}def harness_models():\n    return [Mine()]\n",
            encoding="utf-8",
        )
    monkeypatch.chdir(tmp_path / "b")
    return [TOY, *(str(tmp_path / name) for name in NAMED_ALIKE)]


def test_plugin_files_whose_names_are_taken_work(files: list[str], tmp_path: Path) -> None:
    """By each other, by an installed plugin or by a module of Python: all are measured, in their workers too."""
    options = [part for file in files for part in ("--plugin", file)]
    models = [f"model-{number}" for number in range(len(NAMED_ALIKE))]
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump({**SUITE, "models": models}), encoding="utf-8")
    run = ["harness", "run", "../suite.yaml", "--store", "s", *options]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    table = subprocess.run(["harness", "table", "accuracy", "--store", "s", "--format", "json", *options],
                           check=True, capture_output=True, text=True, encoding="utf-8")  # fmt: skip
    rows = json.loads(table.stdout)

    assert {row["model"] for row in rows} == set(models)
    assert not any(row["stale"] for row in rows)


def test_a_files_number_is_not_part_of_what_is_measured(files: list[str]) -> None:
    """Otherwise the order of the files on the command line would make records stale."""
    toy, first, second, *_ = files
    spec = {"model": "model-1", "task": "parity", "hardware": "here", "settings": {}, "source": None,
            "task_settings": {"count": 40}}  # fmt: skip
    orders = ([toy, first, second], [toy, second, first], [toy, second])
    bases = [Bases(load_plugins(given)).of("finetune", spec) for given in orders]

    assert bases[0]["sources"]["model"]["harness_file_mine"]
    assert bases[0] == bases[1] == bases[2]


def test_a_fresh_interpreter_ignores_the_modules_in_the_working_folder(files: list[str]) -> None:
    """A check looks at a plugin in one, which must not take the file `json.py` for Python's module."""
    (toy,) = (one for one in load_plugins([files[0]]).loaded if one.distribution == files[0])

    assert heavy_imports(toy, []) == []
