"""Which sources a definition reaches, through names, imports and packages only."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plugins import Plugins
from harness.sources import Closure, Sources
from harness.syntax import WHOLE, Symbol

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Return a function that writes modules, `package__module="source"`, into a folder on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(**modules: str) -> None:
        for name, text in modules.items():
            file = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            file.parent.mkdir(exist_ok=True)
            (file.parent / "__init__.py").touch() if file.parent != tmp_path else None
            file.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()

    yield write
    for name in [name for name in sys.modules if name.startswith("made_")]:
        del sys.modules[name]


def closure(module: str, name: str) -> Closure:
    """Return the closure of a definition, of the current files."""
    return Sources().closure([Symbol(module, name)])


def test_a_definition_counts_and_its_neighbours_do_not(write: Write) -> None:
    """Two models in one file have different digests; shared definitions count for both."""
    text = "SHARED = 1\n\n\nclass One:\n    value = SHARED\n\n\nclass Two:\n    value = 2\n"
    write(made_list=text)
    before = closure("made_list", "One"), closure("made_list", "Two")
    write(made_list=text.replace("value = 2", "value = 3"))
    other = closure("made_list", "One"), closure("made_list", "Two")
    write(made_list=text.replace("SHARED = 1", "SHARED = 9"))
    shared = closure("made_list", "One"), closure("made_list", "Two")

    assert [a.modules == b.modules for a, b in zip(before, other, strict=True)] == [True, False]
    assert [a.modules == b.modules for a, b in zip(before, shared, strict=True)] == [False, True]


IMPORTS = {
    "at the top": "from made_used import wanted\n\ndef use():\n    return wanted()\n",
    "inside a function": "def use():\n    from made_used import wanted\n    return wanted()\n",
    "as a module": "import made_used\n\ndef use():\n    return made_used.wanted()\n",
    "under another name": "import made_used as other\n\ndef use():\n    return other.wanted()\n",
    "inside a class": "class use:\n    def ask(self):\n        import made_used\n        return made_used.wanted()\n",
    "as a decorator": "from made_used import wanted\n\n@wanted\ndef use():\n    pass\n",
    "as a default": "from made_used import wanted\n\ndef use(value=wanted()):\n    return value\n",
    "as a base": "from made_used import wanted\n\nclass use(wanted):\n    pass\n",
    "in a lambda": "from made_used import wanted\nuse = lambda: wanted()\n",
    "where it may be missing": "try:\n    from made_used import wanted\nexcept ImportError:\n    pass\nuse = wanted\n",
    "with everything else": "from made_used import *\n\ndef use():\n    return wanted()\n",
    "through a string": "def use():\n    return __import__('made_used')\nimport made_used\nother = made_used\n",
    "passed on": "import made_used\n\ndef use():\n    return getattr(made_used, 'wan' + 'ted')\n",
}  # fmt: skip


@pytest.mark.parametrize("way", IMPORTS)
def test_an_import_is_followed(way: str, write: Write) -> None:
    """However it is written."""
    write(made_user=IMPORTS[way], made_used="def wanted(*_):\n    return 1\n")
    before = closure("made_user", "use").modules
    write(made_used="def wanted(*_):\n    return 2\n")

    assert set(before) == {"made_user", "made_used"}
    assert closure("made_user", "use").modules["made_used"] != before["made_used"]


def test_what_is_imported_and_not_used_does_not_count(write: Write) -> None:
    """Nor do imports for types."""
    write(
        made_user="from typing import TYPE_CHECKING\nfrom made_used import wanted, other\nif TYPE_CHECKING:\n"
        "    from made_types import T\n\ndef use(x: other) -> other:\n    return wanted()\n",
        made_used="def wanted():\n    return 1\n\n\ndef other():\n    return 1\n",
        made_types="T = int\n",
    )
    before = closure("made_user", "use").modules
    write(made_used="def wanted():\n    return 1\n\n\ndef other():\n    return 2\n", made_types="T = str\n")

    assert closure("made_user", "use").modules == before


def test_names_are_followed_through_a_package(write: Write) -> None:
    """What `__init__` re-exports, and submodules, also by a relative import."""
    write(
        made_user="import made_pack\n\ndef use():\n    return made_pack.given() + made_pack.below.deep()\n",
        made_pack__inner="from . import below\n\ndef given():\n    return below.deep()\n",
        made_pack__below="def deep():\n    return 1\n\ndef unused():\n    return 1\n",
    )
    (Path(sys.path[0]) / "made_pack" / "__init__.py").write_text(
        "from made_pack.inner import given\n", encoding="utf-8"
    )

    assert set(closure("made_user", "use").modules) == {"made_user", "made_pack.inner", "made_pack.below"}


@pytest.mark.parametrize("way", ["from made_space.inner import f\nuse = f", "import made_space.inner as m\nuse = m.f"])
def test_a_package_without_init_is_followed(way: str, write: Write) -> None:
    """A folder is a namespace."""
    write(made_user=way, made_space__inner="def f():\n    return 1\n")
    (Path(sys.path[0]) / "made_space" / "__init__.py").unlink()
    importlib.invalidate_caches()

    assert set(closure("made_user", "use").modules) == {"made_user", "made_space.inner"}


def test_a_plugin_file_is_ones_own_wherever_it_lies(tmp_path: Path) -> None:
    """Below a folder of libraries too; another module there is a library."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    file = folder / "made_lying.py"
    file.write_text("def use():\n    return 1\n", encoding="utf-8")
    plugins = Plugins()
    plugins.load_files([str(file)])
    sys.modules["made_lying"] = sys.modules["harness_file_made_lying"]

    assert set(closure("harness_file_made_lying", "use").modules) == {"harness_file_made_lying"}
    assert closure("made_lying", "use").libraries == {"made_lying"}


def test_what_importing_executes_counts(write: Write) -> None:
    """A table that is filled at import, by a statement or by a decorator, is reached without a name."""
    text = """
TABLE = {}

def register(function):
    TABLE[function.__name__] = function
    return function

@register
def first():
    return 1

TABLE["second"] = 2

def use():
    return TABLE["first"]()
"""
    write(made_table=text)
    before = closure("made_table", "use").modules["made_table"]
    digests = []
    for line in ("return 1", "= 2"):
        write(made_table=text.replace(line, line[:-1] + "7"))
        digests.append(closure("made_table", "use").modules["made_table"])

    assert len({before, *digests}) == 3


REGISTRY = """
KNOWN = {}

class Told:
    def __init_subclass__(cls):
        KNOWN[cls.__name__] = cls

class Meta(type):
    def __init__(cls, name, bases, fields):
        KNOWN[name] = cls

class Asking:
    @classmethod
    def all(cls):
        return cls.__subclasses__()

class Silent:
    pass
"""
BASES = {"Told": True, "Asking": True, "metaclass=Meta": True, "Silent": False, "Silent, abc.ABC": False}


@pytest.mark.parametrize("base", BASES)
def test_a_class_that_is_found_without_its_name_counts(base: str, write: Write) -> None:
    """Its base or its metaclass keeps it, in whichever module it is; a class further below is kept as well."""
    text = f"""
import abc
from made_registry import Asking, Meta, Silent, Told
class One({base}):
    one = 1
class Below(One):
    below = 1
"""
    user = "import made_classes\nfrom made_registry import KNOWN\n\ndef use():\n    return KNOWN['One']\n"
    write(made_registry=REGISTRY, made_classes=text, made_user=user)
    modules = [closure("made_user", "use").modules]
    for line in ("one = 1", "below = 1"):
        write(made_classes=text.replace(line, line.replace("1", "2")))
        modules.append(closure("made_user", "use").modules)

    assert len({tuple(each.items()) for each in modules}) == (3 if BASES[base] else 1)


def test_a_function_that_asks_for_subclasses_takes_the_whole_module(write: Write) -> None:
    """Static analysis cannot tell which they are."""
    text = "class Base:\n    pass\n\nclass One(Base):\n    value = 1\n\ndef use():\n    return Base.__subclasses__()\n"
    write(made_asking=text)
    before = closure("made_asking", "use").modules
    write(made_asking=text.replace("value = 1", "value = 2"))

    assert closure("made_asking", "use").modules != before


def test_a_module_that_a_text_names_is_followed(write: Write) -> None:
    """Where the text is imported, absolute or below the package; a text alone names nothing."""
    write(
        made_absolute="import importlib\n\ndef use():\n    return importlib.import_module('made_pack.inner').f()\n",
        made_text="def use():\n    return 'made_pack.inner'\n",
        made_lazy="import made_pack\n\ndef use():\n    return made_pack.f()\n",
        made_pack__inner="def f():\n    return 1\n",
    )
    (Path(sys.path[0]) / "made_pack" / "__init__.py").write_text(
        "from importlib import import_module\nPLACES = {'f': '.inner'}\n\n"
        "def __getattr__(name):\n    return getattr(import_module(PLACES[name], __name__), name)\n",
        encoding="utf-8",
    )

    assert "made_pack.inner" in closure("made_absolute", "use").modules
    assert "made_pack.inner" in closure("made_lazy", "use").modules
    assert set(closure("made_text", "use").modules) == {"made_text"}


CHANGED_ELSEWHERE = {
    "a method": "import made_used\nmade_used.One.f = lambda self: 1\n",
    "a passed on name": "from made_pack import One\nOne.f = lambda self: 1\n",
    "by setattr": "import made_used\nsetattr(made_used, 'One', int)\n",
    "an item": "from made_used import TABLE\nTABLE['f'] = 1\n",
    "by a method": "from made_used import TABLE\nTABLE.update(f=1)\n",
    "in a hook": "import pluggy\nimport made_used\n@pluggy.hookimpl\ndef f():\n    made_used.One.f = 1\n",
}


@pytest.mark.parametrize("how", CHANGED_ELSEWHERE)
def test_what_a_plugin_changes_elsewhere_counts_for_who_uses_that(how: str, write: Write) -> None:
    """And for no other definition."""
    used = "TABLE = {}\nclass One:\n    pass\ndef use():\n    return One(), TABLE\ndef other():\n    return 1\n"
    write(made_used=used, made_pack__inner="", made_plugin=CHANGED_ELSEWHERE[how])
    (Path(sys.path[0]) / "made_pack" / "__init__.py").write_text("from made_used import One\n", encoding="utf-8")
    sources = Sources(["made_plugin"])
    use, other = (sources.closure([Symbol("made_used", name)]).modules for name in ("use", "other"))

    assert "made_plugin" in use
    assert set(other) == {"made_used"}


def test_a_data_file_that_a_definition_names_counts(write: Write) -> None:
    """Beside the module or below it; not if only unreached definitions name it."""
    folder = Path(sys.path[0])
    write(made_reading="def use():\n    return 'made.json'\n\ndef other():\n    return 'b/made.txt'\n")
    (folder / "made.json").write_text("1", encoding="utf-8")
    (folder / "b").mkdir()
    (folder / "b" / "made.txt").write_text("1", encoding="utf-8")
    before = closure("made_reading", "use"), closure("made_reading", "other")
    (folder / "made.json").write_text("2", encoding="utf-8")
    after = closure("made_reading", "use"), closure("made_reading", "other")

    assert [set(each.modules) for each in before] == [
        {"made_reading", "made_reading/made.json"},
        {"made_reading", "made_reading/b/made.txt"},
    ]
    assert [a.modules == b.modules for a, b in zip(before, after, strict=True)] == [False, True]
    assert before[0].files[folder / "made.json"] != after[0].files[folder / "made.json"]


def test_what_packages_above_a_module_execute_counts(write: Write) -> None:
    """They are imported before it; what they define does not count."""
    write(made_user="from made_pack.inner import f\nuse = f\n", made_pack__inner="N = 1\n\ndef f():\n    return N\n")
    package, modules = Path(sys.path[0]) / "made_pack" / "__init__.py", []
    for line in ("", "import made_pack.inner\nmade_pack.inner.N = 2\n", "def other():\n    return 1\n"):
        package.write_text(line, encoding="utf-8")
        modules.append(closure("made_user", "use").modules)

    assert modules[0] == modules[2] != modules[1]


ASSIGNMENTS = {
    "one after the other": ("A = 2\nB = A\nA = 3\nuse = [B]\n", "A = 2\nA = 3\nB = A\nuse = [B]\n"),
    "within an expression": ("A = (N := 2) + 1\nuse = [N]\n", "A = (N := 3) + 1\nuse = [N]\n"),
    "a lambda": ("score = lambda n: n % 2\nuse = [score]\n", "score = lambda n: n % 3\nuse = [score]\n"),
}


@pytest.mark.parametrize("what", ASSIGNMENTS)
def test_assignments_are_told_apart(what: str, write: Write) -> None:
    """By their values, and by their order where a name is assigned twice."""
    modules = []
    for text in ASSIGNMENTS[what]:
        write(made_assigned=text)
        modules.append(closure("made_assigned", "use").modules)

    assert modules[0] != modules[1]


def test_the_order_of_definitions_does_not_count(write: Write) -> None:
    """Where each name is defined once, they may be moved."""
    parts = ["A = 1\n", "def f():\n    return A\n", "def use():\n    return f()\n"]
    write(made_moved="\n".join(parts))
    before = closure("made_moved", "use").modules
    write(made_moved="\n".join(parts[::-1]))

    assert closure("made_moved", "use").modules == before


def test_circles_end(write: Write) -> None:
    """Modules that import each other are reached once."""
    write(
        made_one="import made_two\n\ndef a():\n    return made_two.b()\n",
        made_two="import made_one\n\ndef b():\n    return made_one.a()\n",
    )

    assert set(closure("made_one", "a").modules) == {"made_one", "made_two"}


def test_libraries_are_named_and_not_read(write: Write) -> None:
    """Those that are used, or imported for what that does; the standard one is Python's version."""
    write(
        made_user="import json\nimport numpy as np\nimport torch\nimport yaml\nfrom scipy import stats\n\n"
        "def use():\n    return json.dumps(np.mean([1]))\n\n\ndef other():\n    return stats.norm, torch.ones(1)\n"
    )
    sources = closure("made_user", "use")

    assert sources.libraries == {"numpy", "yaml"}
    assert set(sources.modules) == {"made_user"}
    assert closure("made_user", "other").libraries == {"scipy", "torch", "yaml"}


def test_code_that_cannot_be_followed_takes_the_whole_module(write: Write) -> None:
    """`globals()` and the like may reach anything."""
    write(made_dynamic="def use(name):\n    return globals()[name]()\n\n\ndef hidden():\n    return 1\n")
    before = closure("made_dynamic", "use").modules
    write(made_dynamic="def use(name):\n    return globals()[name]()\n\n\ndef hidden():\n    return 2\n")

    assert closure("made_dynamic", "use").modules != before
    assert closure("made_dynamic", WHOLE).modules != before


@given(
    comment=st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\r\n\f\v\x85\u2028\u2029")),
    words=st.text("abc xyz.,", max_size=30),
    blank=st.integers(0, 3),
)
def test_comments_docstrings_and_formatting_are_not_digested(comment: str, words: str, blank: int) -> None:
    """Whatever is written in them."""
    from harness.syntax import read

    plain = "def use(a, b):\n    total = a + b\n    return [total, 'x']\n"
    dressed = (
        f'"""{words}"""\n# {comment}\n' + "\n" * blank + f'def use(\n    a,\n    b,\n):\n    """{words}"""\n'
        f"    total = (a + b)  # {comment}\n" + "\n" * blank + '    return [\n        total,\n        "x",\n    ]\n'
    )
    digests = {read("made", Path("made.py"), text.encode()).digest({"use"}) for text in (plain, dressed)}

    assert len(digests) == 1


def test_empty_texts_of_an_fstring_are_not_digested() -> None:
    """Python 3.12.0 to 3.12.3 put one behind a nested format, other versions none."""
    from harness import syntax

    tree = ast.parse('f"{a:.{b}} and {a:>{b}}"')
    written = syntax._written(tree)
    formats = [node.format_spec for node in ast.walk(tree) if isinstance(node, ast.FormattedValue) and node.format_spec]
    for one in formats:
        assert isinstance(one, ast.JoinedStr)
        one.values.append(ast.Constant(""))

    assert len(formats) == 2
    assert syntax._written(tree) == written


@pytest.mark.parametrize(
    ("one", "other"),
    [("a + b", "a - b"), ("1", "2"), ("1", "1.0"), ("1", "True"), ("'a'", "b'a'"), ("f'{a}'", "f'{a} '")],
)
def test_what_code_does_is_digested(one: str, other: str) -> None:
    """An operator, a number, a type."""
    from harness.syntax import read

    texts = (f"def use(a, b):\n    return {text}\n" for text in (one, other))

    assert len({read("made", Path("made.py"), text.encode()).digest({"use"}) for text in texts}) == 2


@pytest.mark.parametrize("inside", ["from . import deep", "from made_pack import deep", "import made_pack.deep"])
@pytest.mark.parametrize(
    "use", ["from made_pack import deep\nuse = deep.f", "import made_pack\nuse = made_pack.deep.f"]
)
def test_a_submodule_that_its_package_imports_is_followed(inside: str, use: str, write: Write) -> None:
    """It is the module of that name, not a name that leads to itself."""
    write(made_user=use, made_pack__deep="def f():\n    return 1\n")
    package = Path(sys.path[0]) / "made_pack" / "__init__.py"
    package.write_text(inside, encoding="utf-8")
    before = closure("made_user", "use").modules
    write(made_pack__deep="def f():\n    return 2\n")
    package.write_text(inside, encoding="utf-8")

    assert "made_pack.deep" in before
    assert closure("made_user", "use").modules["made_pack.deep"] != before["made_pack.deep"]


NEVER = ["if TYPE_CHECKING:", "if typing.TYPE_CHECKING:", "if __name__ == '__main__':"]
ALWAYS = ["if not TYPE_CHECKING:", "if __name__ != '__main__':", "if DEBUG or TYPE_CHECKING:"]


@pytest.mark.parametrize("test", [*NEVER, *ALWAYS])
def test_code_under_a_condition_counts_where_it_can_run(test: str, write: Write) -> None:
    """What is for types or for the command line alone never runs in a step."""
    text = (
        f"import typing\nfrom typing import TYPE_CHECKING\nDEBUG = 1\n{test}\n    N = 1\n\ndef use():\n    return N\n"
    )
    write(made_conditions=text)
    before = closure("made_conditions", "use").modules
    write(made_conditions=text.replace("N = 1", "N = 2"))

    assert (closure("made_conditions", "use").modules == before) == (test in NEVER)


def test_code_as_deep_as_python_takes_it_is_read(write: Write) -> None:
    """Hundreds of branches, and a sum of as many terms."""
    branches = "".join(f"    elif n == {n}:\n        return {n}\n" for n in range(600))
    write(made_deep=f"X = {' + '.join(['1'] * 900)}\n\ndef use(n):\n    if n:\n        return X\n{branches}")

    assert closure("made_deep", "use").modules


def test_a_file_that_is_no_python_counts_whole(write: Write) -> None:
    """Its importers will see the error; two such files have different digests."""
    digests = set()
    for text in ("def use(:", "def use(:  # other"):
        write(made_broken=text)
        digests.add(closure("made_broken", "use").modules["made_broken"])

    assert len(digests) == 2


ALTERNATIVES = {
    "where one is missing": """
try:
    from made_fast import f
except ImportError:
    from made_slow import f
use = f
""",
    "by a condition": """
import sys
if sys.argv:
    import made_fast as m
else:
    import made_slow as m
use = m.f
""",
    "in a function": """
def use(n):
    if n:
        from made_fast import f
    else:
        from made_slow import f
    return f()
""",
}


@pytest.mark.parametrize("how", ALTERNATIVES)
def test_imports_that_take_turns_are_all_followed(how: str, write: Write) -> None:
    """Static analysis cannot tell which it will be."""
    write(made_user=ALTERNATIVES[how], made_fast="def f():\n    return 1\n", made_slow="def f():\n    return 2\n")

    assert set(closure("made_user", "use").modules) == {"made_user", "made_fast", "made_slow"}
