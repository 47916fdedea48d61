"""A field of the wrong type is reported when its plugin is loaded, and other plugins work."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import PluginError
from harness.plugin_files import import_file
from harness.plugins import Plugins

PLUGIN = """
from pathlib import Path
import harness
from harness_file_toy_plugin import Counter, Here, Parity, Plain

class M(Counter): name = "m"
class T(Parity): name = "t"
class H(Here): name = "h"
class R(Plain): name = "r"
{change}

@harness.hookimpl
def harness_models(): return [M()]
@harness.hookimpl
def harness_tasks(): return [T()]
@harness.hookimpl
def harness_hardware(): return [H()]
@harness.hookimpl
def harness_runtimes(): return [R()]
"""
MISSING = """
class M(harness.Model):
    name = "m"
    def learner(self, assignment): ...
"""
PROPERTY = """
class M(Counter):
    name = "m"
    @property
    def sizes(self): return {}["sizes"]
"""
SILENT = """
class Silent:
    def __repr__(self): raise OSError
M.kinds = Silent()
"""
FAULTS = {
    "M.imports = 5": "M.imports of 'm' is 5. Give a tuple of texts or None.",
    "M.imports = 'json'": "M.imports of 'm' is 'json'. Give a tuple of texts or None.",
    "M.imports = (None,)": "M.imports of 'm' is (None,). Give a tuple of texts or None.",
    "M.known_failures = ('exports',)": "M.known_failures of 'm' is ('exports',). Give a mapping from names to texts.",
    "M.name = 3": "M.name is 3. Give a text.",
    "M.summary = None": "M.summary of 'm' is None. Give a text.",
    "M.kinds = 'toy'": "M.kinds of 'm' is 'toy'. Give a tuple of texts, at least one.",
    "M.sizes = (1, 2)": "M.sizes of 'm' is (1, 2). Give a tuple of texts, at least one.",
    "M.sizes = ()": "M.sizes of 'm' is (). Give a tuple of texts, at least one.",
    "M.pretraining = True": "M.pretraining of 'm' is True. Give a text or None.",
    "M.devices = ()": "M.devices of 'm' is (). Give a tuple of texts, at least one, or None.",
    "M.starts = ('warm',)": "M.starts of 'm' is ('warm',). Give a tuple of 'pretrained', 'scratch', 'as-is', at least",
    "M.brings_weights = 'no'": "M.brings_weights of 'm' is 'no'. Give True or False.",
    "M.formats = 'paper'": "M.formats of 'm' is 'paper'. Give a tuple of texts.",
    "M.settings = {'a': 3}": "M.settings of 'm' is {'a': 3}. Give a mapping from names to harness.Setting",
    "M.settings = {'a': harness.Setting(Path('x'), 'x')}": "with a default that JSON can hold",
    "M.settings = {'a': harness.Setting(1, None)}": "M.settings of 'm' is {'a': Setting(default=1, help=None",
    MISSING: "M.summary of 'm' is missing. Give a text.",
    PROPERTY: "M.sizes of 'm' raised KeyError: 'sizes'",
    SILENT: "M.kinds of 'm' is a Silent. Give a tuple of texts, at least one.",
    "T.kind = ('toy',)": "T.kind of 't' is ('toy',). Give a text.",
    "T.metrics = ()": "T.metrics of 't' is (). Give a tuple of harness.Metric(name, unit, column), at least one.",
    "T.metrics = ('accuracy',)": "T.metrics of 't' is ('accuracy',). Give a tuple of harness.Metric",
    "T.metrics = (harness.Metric('a', 1, 'correct'),)": "T.metrics of 't' is (Metric(name='a', unit=1",
    "T.licence = None": "T.licence of 't' is None. Give a text.",
    "T.data_imports = 'pandas'": "T.data_imports of 't' is 'pandas'. Give a tuple of texts.",
    "H.precisions = None": "H.precisions of 'h' is None. Give a tuple of texts, at least one.",
    "H.device = 0": "H.device of 'h' is 0. Give a text.",
    "R.format = ('paper',)": "R.format of 'r' is ('paper',). Give a text or None.",
    "R.devices = 'cpu'": "R.devices of 'r' is 'cpu'. Give a tuple of texts, at least one.",
}
OTHERS = {
    "model_schemes": ("harness.ModelScheme('s', 'x', 3)", "ModelScheme.model of 's' is 3. Give a function."),
    "templates": (
        "harness.Template('s', 'x', 'file.py', 'run')",
        "Template.file of 's' is 'file.py'. Give a Path.",
    ),
    "price_books": ("harness.PriceBook('s', 'x', 3)", "PriceBook.prices of 's' is 3. Give a tuple of harness.Price."),
    "use_cases": (
        "harness.UseCase('s', 't', 'x', ('a',), {'quality': 3}, {})",
        "UseCase.needs of 's' is {'quality': 3}. Give a mapping from names to harness.Figure.",
    ),
}  # fmt: skip


def _file(folder: Path, change: str) -> Path:
    file = folder / "odd.py"
    file.write_text(PLUGIN.format(change=change), encoding="utf-8")
    return file


@pytest.mark.parametrize("change", FAULTS)
def test_a_field_of_the_wrong_type_is_told_by_name(tmp_path: Path, toys: Plugins, change: str) -> None:
    """The plugin brings nothing, the toys are loaded."""
    file = _file(tmp_path, change)
    toys.load("odd", "some-distribution", "1", lambda: import_file(file))

    (failure,) = toys.failures
    assert (failure.plugin, failure.distribution) == ("odd", "some-distribution")
    assert FAULTS[change] in failure.reason
    assert (set(toys.models), set(toys.tasks), set(toys.hardware), set(toys.runtimes)) == (
        {"counter", "guess"}, {"parity"}, {"here"}, {"plain", "paper"},
    )  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_part_of_a_step_is_looked_at_too(tmp_path: Path, toys: Plugins, kind: str) -> None:
    """Schemes, templates, price books, use cases."""
    offer, reason = OTHERS[kind]
    file = tmp_path / "odd.py"
    hook = f"import harness\n@harness.hookimpl\ndef harness_{kind}(): return [{offer}]\n"
    file.write_text(hook, encoding="utf-8")
    toys.load("odd", "some-distribution", "1", lambda: import_file(file))
    toys.price_books()

    assert [failure.reason for failure in toys.failures] == [reason]


def test_a_model_that_a_reference_leads_to_is_looked_at(tmp_path: Path, toys: Plugins) -> None:
    """Its model is made on request."""
    file = tmp_path / "scheme.py"
    file.write_text(
        PLUGIN.format(change="M.sizes = 3").partition("@harness.hookimpl")[0]
        + "@harness.hookimpl\ndef harness_model_schemes(): return [harness.ModelScheme('s', 'x', lambda rest: M())]\n",
        encoding="utf-8",
    )
    toys.load_files([str(file)])

    with pytest.raises(PluginError, match=r"M\.sizes of 'm' is 3\. Give a tuple of texts, at least one\."):
        toys.find("models", "s:any")


def test_the_command_line_tells_it_without_a_trace(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """To run or list it is bad input; to check it is a failed check."""
    _file(tmp_path, "M.sizes = (1, 2)")
    toy = str(Path(__file__).with_name("toy_plugin.py"))
    run = harness_command(tmp_path, "run", "quick", "--plugin", toy, "--plugin", "odd.py")
    listed = harness_command(tmp_path, "plugins", "--plugin", toy, "--plugin", "odd.py")
    checked = harness_command(tmp_path, "check", "odd.py", "--plugin", toy)

    assert (run.code, listed.code, checked.code) == (2, 2, 1)
    for text in (run.stderr, listed.stderr, checked.stdout):
        assert "M.sizes of 'm' is (1, 2). Give a tuple of texts, at least one." in re.sub(r"\s+", " ", text)
    assert "Traceback" not in run.stderr + listed.stderr + checked.stderr


def test_what_is_listed_is_plain_whatever_hardware_says(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """A numpy default, and hardware that raises in `unavailable`."""
    change = (
        "import numpy\nM.settings = {'rate': harness.Setting(numpy.float32(0.5), 'x')}\n"
        "def _fail(self): raise RuntimeError('no driver')\nH.unavailable = _fail"
    )
    _file(tmp_path, change)
    toy = str(Path(__file__).with_name("toy_plugin.py"))
    result = harness_command(tmp_path, "plugins", "--json", "--plugin", toy, "--plugin", "odd.py")
    listed = json.loads(result.stdout)

    assert listed["models"]["m"]["settings"] == {"rate": 0.5}
    assert listed["hardware"]["h"]["unavailable"] == "H.unavailable of 'h' raised RuntimeError: no driver"
