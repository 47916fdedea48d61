"""Plugins load one by one; a fault is reported under the plugin's name, and the others work."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

import harness
from harness.errors import PluginError
from harness.plugin_files import FILE, import_file
from harness.plugins import Plugins, load_plugins
from harness.records import Record
from harness_reports.business.figure_rules import MARKET

HEAVY = ("torch", "transformers", "pandas", "streamlit", "numpy", "pydantic", "sqlalchemy", "sklearn", "onnxruntime")
BROKEN = {
    "raises at import": ("raise RuntimeError('no such chip')\n", "RuntimeError: no such chip"),
    "ends the process": ("raise SystemExit('no licence')\n", "SystemExit: no licence"),
    "cannot say why": (
        "class Mute(Exception):\n    def __str__(self): raise OSError\nraise Mute\n",
        "Mute: (its message cannot be read: OSError in __str__)",
    ),
    "misspelt hook": (
        "import harness\n@harness.hookimpl\ndef harness_modls():\n    return []\n",
        "harness_modls",
    ),
    "wrong type": (
        "import harness\n@harness.hookimpl\ndef harness_models():\n    return ['bert']\n",
        "harness_models gave 'bert', not a Model",
    ),
    "class for instance": (
        "import harness\nclass A(harness.Model): ...\n@harness.hookimpl\ndef harness_models():\n    return [A]\n",
        "Give instances, not classes",
    ),
    "nothing returned": (
        "import harness\n@harness.hookimpl\ndef harness_tasks():\n    pass\n",
        "harness_tasks returned NoneType; return an iterable of Task",
    ),
    "bad name": (
        (
            "import harness\n@harness.hookimpl\ndef harness_use_cases():\n"
            "    return [harness.UseCase('../up', 't', 's', (), {}, {})]\n"
        ),
        "'../up' is not a name for use_cases",
    ),
}


def _load(plugins: Plugins, file: Path) -> None:
    plugins.load(file.stem, "some-distribution", "1.2", lambda: import_file(file))


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_named_and_the_rest_work(tmp_path: Path, toys: Plugins, fault: str) -> None:
    """Each fault becomes that plugin's failure with its distribution and the reason."""
    source, reason = BROKEN[fault]
    file = tmp_path / "broken_one.py"
    file.write_text(source, encoding="utf-8")
    _load(toys, file)

    (failure,) = toys.failures
    assert (failure.plugin, failure.distribution) == ("broken_one", "some-distribution")
    assert reason in failure.reason
    assert set(toys.models) == {"counter", "guess"}


def test_files_whose_modules_would_have_one_name_are_numbered(tmp_path: Path) -> None:
    """Otherwise the sources of one would count as the other's; a file given twice is loaded once."""
    for name in ("my-model.py", "my_model.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    plugins = Plugins()
    plugins.load_files([str(tmp_path / name) for name in ("my-model.py", "my_model.py", "my-model.py")])

    assert [plugin.name for plugin in plugins.loaded] == ["my-model", "my_model~2"]
    assert [plugin.module.__name__ for plugin in plugins.loaded] == ["harness_file_my_model", "harness_file_my_model~2"]


def test_a_name_claimed_twice_names_both_owners(tmp_path: Path, toys: Plugins) -> None:
    """The second plugin brings nothing, and the message names the first."""
    file = tmp_path / "copycat.py"
    file.write_text((Path(__file__).with_name("toy_plugin.py")).read_text(encoding="utf-8"), encoding="utf-8")
    _load(toys, file)

    assert "'counter' among models is claimed twice" in toys.failures[0].reason
    assert "'toy_plugin'" in toys.failures[0].reason
    assert "'copycat' (some-distribution)" in toys.failures[0].reason
    assert [plugin.name for plugin in toys.loaded] == ["toy_plugin"]


def test_a_plugin_name_that_is_taken_leaves_its_owner_as_it_was(tmp_path: Path) -> None:
    """Two distributions may call their entry points alike: the second is refused, the first still gets records."""
    plugins, file = Plugins(), tmp_path / "keen.py"
    hook = "@harness.hookimpl\ndef harness_record(record):\n    SEEN.append(record.id)\n"
    for text in (f"import harness\nSEEN = []\n{hook}", ""):
        file.write_text(text, encoding="utf-8")
        _load(plugins, file)
    plugins.announce(_record())

    assert "already registered" in plugins.failures[0].reason
    assert plugins.loaded[0].module.SEEN == ["1"]


def test_an_unknown_name_answers_with_the_nearest_and_the_list(toys: Plugins) -> None:
    """The error for a typo is one sentence."""
    with pytest.raises(PluginError, match=r"Unknown model 'countr'\. Did you mean 'counter'\? Known: counter, guess\."):
        toys.find("models", "countr")


def test_a_single_file_loads_by_option_and_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways give the same, and giving both loads it once."""
    toy = str(Path(__file__).with_name("toy_plugin.py"))
    by_option = load_plugins([toy])
    monkeypatch.setenv("HARNESS_PLUGINS", os.pathsep.join([toy]))
    by_variable = load_plugins([toy])

    assert "counter" in by_option.models
    assert "counter" in by_variable.models
    assert by_variable.owner("models", "counter").version == FILE


def test_a_missing_or_broken_plugin_file_is_bad_input(tmp_path: Path) -> None:
    """A file that the user names must work, or the command fails."""
    with pytest.raises(PluginError, match="No plugin file"):
        load_plugins([str(tmp_path / "nowhere.py")])
    broken = tmp_path / "half.py"
    broken.write_text("def (", encoding="utf-8")
    with pytest.raises(PluginError, match=r"half\.py' cannot be used\. SyntaxError"):
        load_plugins([str(broken)])


def test_a_plugin_that_cannot_take_a_record_is_reported_and_others_get_it(tmp_path: Path, toys: Plugins) -> None:
    """The event hook of one plugin does not stop that of another."""
    bodies = {"angry": "raise OSError('disk')", "gone": "raise SystemExit(3)", "keen": "SEEN.append(record.id)"}
    for name, body in bodies.items():
        file = tmp_path / f"{name}.py"
        file.write_text(
            f"import harness\nSEEN = []\n@harness.hookimpl\ndef harness_record(record):\n    {body}\n", encoding="utf-8"
        )
        _load(toys, file)
    failures = toys.announce(_record())

    assert [(failure.plugin, failure.reason) for failure in failures] == [
        ("angry", "OSError: disk"), ("gone", "SystemExit: 3"),
    ]  # fmt: skip
    assert toys.loaded[-1].module.SEEN == ["1"]


def _record() -> Record:
    return Record(
        id="1",
        fingerprint="f",
        step="serve",
        outcome="ok",
        spec={},
        inputs={},
        started_at="2026-11-23T00:00:00+00:00",
        environment={},
    )


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """Also if it was edited within a second and keeps its length; nothing is written beside it."""
    values = []
    for text in ("A = 1\n", "A = 2\n"):
        file = tmp_path / "p.py"
        file.write_text(text, encoding="utf-8")
        plugins = Plugins()
        _load(plugins, file)
        values.append(plugins.loaded[0].module.A)

    assert values == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["p.py"]


@pytest.mark.parametrize("arguments", [["--help"], ["plugins"], ["plugins", "--json"]])
def test_the_door_is_light(arguments: list[str]) -> None:
    """Neither help nor the listing imports a heavy library."""
    script = (
        "import sys; from harness.main import main\n"
        f"sys.argv = ['harness', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"


def test_the_listing_says_what_each_plugin_brings() -> None:
    """The JSON holds models with tasks and sizes, tasks with use cases, versions, import times and failures."""
    done = subprocess.run(["harness", "plugins", "--json"], capture_output=True, text=True, check=True)
    listing = json.loads(done.stdout)
    mine = [plugin for plugin in listing["plugins"] if plugin["distribution"] == "viability-harness"]
    ours = {name for plugin in mine for name in plugin["brings"].get("models", [])}

    assert ours
    assert all(listing["models"][name]["sizes"] and listing["models"][name]["tasks"] for name in ours)
    assert all("use_case" in task and task["licence"] for task in listing["tasks"].values())
    assert all(plugin["version"] and plugin["import_ms"] >= 0 for plugin in listing["plugins"])
    assert all({"plugin", "distribution", "reason"} <= failure.keys() for failure in listing["failures"])
    assert {"hardware", "runtimes", "price_books", "use_cases"} <= listing.keys()


def test_the_core_names_no_plugin() -> None:
    """The core's sources import no `harness_*` and contain no name of a plugin's part."""
    core = Path(harness.__file__).parent
    brought = load_plugins()
    names = {*brought.models, *brought.tasks, *brought.use_cases(), *MARKET} - {"random"}
    for file in core.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        strings = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }

        assert not [name for name in imported if name.startswith("harness_")], file
        assert not names & strings, file


def test_a_second_distribution_is_found_from_outside() -> None:
    """A real distribution with one good and several broken plugins: the good one works, the others are named."""
    try:
        metadata.version("harness-outside-plugin")
    except metadata.PackageNotFoundError:
        if os.environ.get("CI"):
            pytest.fail("tests/outside_plugin is not installed: pip install tests/outside_plugin")
        pytest.skip("install it first: pip install tests/outside_plugin")
    plugins = load_plugins()
    failures = {f.plugin: f for f in plugins.failures if f.distribution == "harness-outside-plugin"}

    assert "outside-coin" in plugins.models
    assert set(failures) == {"outside-broken", "outside-misspelt", "outside-taken", "outside-wrong-type"}
    assert "ModuleNotFoundError" in failures["outside-broken"].reason
    assert "claimed twice" in failures["outside-taken"].reason


def test_the_public_names_agree_with_what_is_there() -> None:
    """`harness.__all__` is sorted and complete."""
    public = [name for name in vars(harness) if not name.startswith("_") and name[0].isupper()]

    assert harness.__all__ == sorted(harness.__all__)
    assert set(public) <= set(harness.__all__)
    assert all(hasattr(harness, name) for name in harness.__all__)


def test_records_are_frozen(plan_of: Callable[..., object]) -> None:
    """A record can be copied with changes, never changed."""
    record = _record()
    with pytest.raises(AttributeError):
        record.outcome = "failed"  # type: ignore[misc]
    assert replace(record, outcome="failed").outcome == "failed"
