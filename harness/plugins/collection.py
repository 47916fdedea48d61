"""Loads plugins one by one, collects what they bring, and notes what fails."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from harness import plain
from harness.declared import check_declared
from harness.errors import FactError, PluginError, unknown
from harness.facts import PriceBook, UseCase
from harness.guard import guarded
from harness.hooks import Hooks, answer_of, called
from harness.installed import DISTRIBUTION, Missing, absent, is_absent, refuse
from harness.plugin_files import FILE, load_file
from harness.plugins.heavy import import_all, imports_for, imports_of, imports_of_all
from harness.plugins.registry import KINDS, PARTS, Failure, Plugin, Registry, singular
from harness.records import changed
from harness.seams import Declaration, Hardware, Model, ModelScheme, Runtime, Task, Template

if TYPE_CHECKING:
    import typer

    from harness.made import Made
    from harness.probe import Probe
    from harness.records import Record

GROUP = "harness"
"""The group of entry points, and the name of the hooks."""
NOTE_CHARS = 1000
"""How much is shown of what a plugin prints while it loads."""


class Plugins:
    """What all loaded plugins bring, by name, with their owners.

    Args:
        kinds: what is collected from plugins, of `KINDS`.
        silent: do not say what plugins print and change while they load, as where an earlier loading has said it.
    """

    def __init__(self, kinds: Collection[str] = tuple(KINDS), *, silent: bool = False) -> None:
        self._kinds = kinds
        self._silent = silent
        self._hooks = Hooks(GROUP)
        self._registry = Registry()
        self._is_absent = cache(is_absent)
        self._imported: list[Plugin] = []
        """Plugins that are not asked yet what they bring: `harness --help` does not need it."""
        self._loaded: list[Plugin] = []
        self._failures: list[Failure] = []
        self._distributions: dict[str, str] = {}
        """Plugin → its distribution."""
        self._broken_checks: set[str] = set()
        """Plugins that cannot check use cases: asked again, they would fail for each."""
        self.elsewhere: Callable[[Hardware], Probe] | None = None
        """Asks the machines that do the steps what they say of hardware, if it is not this machine that does them."""

    @property
    def loaded(self) -> list[Plugin]:
        """Plugins that were asked what they bring and answered without error."""
        self._ask_imported()
        return self._loaded

    @property
    def failures(self) -> list[Failure]:
        """All failures so far."""
        self._ask_imported()
        return self._failures

    def _offered(self, kind: str) -> dict[str, Any]:
        self._ask_imported()
        return self._registry.offers[kind]

    @property
    def models(self) -> dict[str, Model]:
        """Models by name."""
        return self._offered("models")

    @property
    def tasks(self) -> dict[str, Task]:
        """Tasks by name."""
        return self._offered("tasks")

    @property
    def hardware(self) -> dict[str, Hardware]:
        """Hardware by name."""
        return self._offered("hardware")

    @property
    def runtimes(self) -> dict[str, Runtime]:
        """Runtimes by name."""
        return self._offered("runtimes")

    @property
    def model_schemes(self) -> dict[str, ModelScheme]:
        """Schemes of model references by name."""
        return self._offered("model_schemes")

    @property
    def templates(self) -> dict[str, Template]:
        """Templates by what they make."""
        return self._offered("templates")

    def use_cases(self) -> dict[str, UseCase]:
        """Use cases by name, with the current names of their tasks."""
        return {name: self._registry.names.use_case(case) for name, case in self._offered("use_cases").items()}

    def current_task(self, name: str) -> str:
        """Return the current name of a task; a former name prints a note on standard error, once."""
        self._ask_imported()
        return self._registry.names.current(name)

    def implied_data_name(self, name: str) -> str:
        """Return the data name that a former name of a task implies, empty if none."""
        self._ask_imported()
        return self._registry.names.today(name)[1]

    @cached_property
    def _price_books(self) -> dict[str, PriceBook]:
        books: dict[str, PriceBook] = {}
        for plugin in self.loaded:
            with self._loading(plugin.name, plugin.distribution):
                self._take_price_books(plugin, books)
        return books

    def _take_price_books(self, plugin: Plugin, books: dict[str, PriceBook]) -> None:
        for book in self._hooks.ask(plugin.module, "harness_price_books", PriceBook):
            check_declared(book)
            self._registry.check_name(plugin, "price_books", book.name, books)
            books[book.name] = book
            self._registry.add_price_book(plugin, book.name)

    def price_books(self) -> dict[str, PriceBook]:
        """Price books by name; read on the first call."""
        return self._price_books

    def owner(self, kind: str, name: str) -> Plugin:
        """Return the plugin that brought `name`."""
        self._ask_imported()
        return self._registry.owner(kind, name)

    def made(self, kind: str, name: str) -> Made:
        """Return what a model, task, hardware or runtime was made with, as of when the plugin returned it."""
        self._ask_imported()
        return self._registry.made(kind, name)

    def find(self, kind: str, name: str) -> Any:
        """Return the part of a name.

        Raises:
            PluginError: no plugin brings it; gives the nearest name, all names, and how many plugins failed.
        """
        offers = self._offered(kind)
        if kind == "tasks":
            name = self.current_task(name)
        if kind == "models" and ":" in name and name not in offers:
            self._resolve(name)
        if name not in offers:
            raise PluginError(unknown(singular(kind), name, offers) + self._note_of_failures())
        return offers[name]

    def probe(self, hardware: str) -> Probe | None:
        """Return what the machines that do the steps say of hardware; None where this machine does them."""
        part: Hardware = self.find("hardware", hardware)
        return self.elsewhere(part) if self.elsewhere is not None and part.resources else None

    def no_hardware(self, name: str) -> str | None:
        """Return why hardware cannot be used where steps are done, None if it can."""
        probe = self.probe(name)
        reason = answer_of(self.find("hardware", name), "unavailable") if probe is None else probe.unavailable
        return None if reason is None else str(reason)

    def no_runtime(self, name: str, hardware: str) -> str | None:
        """Return why a runtime cannot run on hardware where steps are done, None if it can."""
        probe = self.probe(hardware)
        if probe is not None:
            return probe.runtimes.get(name)
        device_type = self.find("hardware", hardware).device_type
        reason = answer_of(self.find("runtimes", name), "unavailable", device_type)
        return None if reason is None else str(reason)

    def _note_of_failures(self) -> str:
        """Return how many plugins failed to load, one of which may bring what is not found; empty if none did."""
        count = len({failure.plugin for failure in self.failures})
        plugins = "1 plugin" if count == 1 else f"{count} plugins"
        return f" {plugins} failed to load: see `harness plugins`." if count else ""

    def _resolve(self, reference: str) -> None:
        """Make the model of a reference such as `hf:folder`, and keep it under that name."""
        scheme, _, rest = reference.partition(":")
        if (missing := self.missing("model_schemes", scheme)) is not None:
            refuse([missing])
        model = answer_of(self.find("model_schemes", scheme), "model", rest)
        check_declared(model)
        self._registry.add_part(self.owner("model_schemes", scheme), "models", reference, model)

    def missing(self, kind: str, name: str, *, with_data: bool = False) -> Missing | None:
        """Return the libraries that a part declares and that are not installed, None if all are.

        Args:
            kind: `models`, `tasks`, …, as in `KINDS`.
            name: what it is called.
            with_data: whether a task reads the user's data.
        """
        part, owner = self.find(kind, name), self.owner(kind, name)
        modules = absent([*(part.imports or ()), *(part.data_imports if with_data else ())], self._is_absent)
        if not modules:
            return None
        extra = part.extra or (owner.name if owner.name in owner.extras else None)
        return Missing(singular(kind), name, modules, owner.distribution, extra)

    def under_current_names(self, records: Iterable[Record]) -> list[Record]:
        """Return records with the current names of their tasks and of data that had no name; stores nothing."""
        self._ask_imported()
        return [changed(record, spec=self._registry.names.spec(record.spec)) for record in records]

    def preload(self, steps: Iterable[Mapping[str, Any]] | None = None) -> list[str]:
        """Return the modules a fork server should import: the plugins' modules and the heavy ones.

        Args:
            steps: their specs; None for any step.
        """
        names = [plugin.module.__name__ for plugin in self.loaded if plugin.version != FILE]
        by_step = [self._imports_for(spec) for spec in steps] if steps is not None else [None]
        for imports in by_step:
            names += self._all_imports if imports is None else imports
        return list(dict.fromkeys(names))

    def import_for(self, spec: Mapping[str, Any]) -> None:
        """Import the heavy modules that a step declares; skip those that are not installed: the step will raise.

        Raises:
            PluginError: a plugin's `harness_preload` raised.
        """
        for part, owner in self._parts(spec):
            import_all(imports_of(part, owner, self._hooks) or ())

    def _parts(self, spec: Mapping[str, Any]) -> list[tuple[Declaration, Plugin]]:
        """Return the parts of a step, each with its owner."""
        named = [(kind, spec[key]) for kind, key in PARTS.items() if key in spec]
        return [(self.find(kind, name), self.owner(kind, name)) for kind, name in named]

    def _imports_for(self, spec: Mapping[str, Any]) -> list[str] | None:
        """Return the heavy modules of a step; None if a part does not declare its own."""
        return imports_for(self._parts(spec), self._hooks, with_data=spec.get("source") is not None)

    @cached_property
    def _all_imports(self) -> list[str]:
        """The heavy modules of all plugins; notes a failure for a plugin that raises."""
        names: list[str] = []
        for plugin in self.loaded:
            parts = [self._offered(kind)[name] for kind in PARTS for name in plugin.brings.get(kind, ())]
            try:
                names += imports_of_all(parts, plugin, self._hooks)
            except PluginError as error:
                self._fail(plugin.name, plugin.distribution, error)
        return names

    def add_commands(self, app: typer.Typer) -> None:
        """Let every plugin add its commands; keep the commands of others when one fails, and say so: help does not."""
        for plugin, function in self._command_hooks():
            failures = len(self._failures)
            with self._loading(plugin.name, plugin.distribution):
                function(app=app)
            if len(self._failures) > failures:
                self._tell(plugin.name, f"could not add its commands. {self._failures[-1].reason}")

    @property
    def others_add_commands(self) -> bool:
        """Whether plugins of other distributions than the harness's own add commands."""
        return any(plugin.distribution != DISTRIBUTION for plugin, _ in self._command_hooks())

    def _command_hooks(self) -> list[tuple[Plugin, Callable[..., None]]]:
        plugins = [*self._loaded, *self._imported]
        return [(plugin, one) for plugin in plugins for one in self._hooks.functions(plugin.module, "harness_commands")]

    def announce(self, record: Record) -> list[Failure]:
        """Pass a finished record to every plugin; return the failures."""
        before = len(self.failures)
        for plugin in self.loaded:
            for function in self._hooks.functions(plugin.module, "harness_record"):
                try:
                    called(function, record=record)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, SystemExit too
                    self._fail(plugin.name, plugin.distribution, error)
        return self.failures[before:]

    def check_use_case(self, use_case: UseCase) -> bool:
        """Let plugins check the figures of a use case; return whether any did. A check that fails otherwise is noted.

        Raises:
            FactError: a figure is unknown, senseless or missing.
        """
        done = False
        for name, check in self._hooks.implementations("harness_check_use_case"):
            if name not in self._broken_checks:
                done |= self._checked(name, check, use_case)
        return done

    def _checked(self, name: str, check: Callable[..., None], use_case: UseCase) -> bool:
        """Let a plugin check a use case; return whether it could."""
        try:
            called(check, use_case=use_case)
        except (FactError, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, SystemExit too
            self._broken_checks.add(name)
            why = f"harness_check_use_case raised {type(error).__name__}: {plain.message(error)}"
            self._fail(name, self._distributions[name], PluginError(why))
            return False
        return True

    def load(
        self,
        name: str,
        distribution: str,
        version: str,
        load: Callable[[], ModuleType],
        extras: frozenset[str] = frozenset(),
    ) -> None:
        """Load one plugin; on an error, note a failure and take nothing from it."""
        with self._loading(name, distribution):
            began = time.perf_counter()
            module = load()
            import_s = time.perf_counter() - began
            self._hooks.register(module, name)
            self._distributions[name] = distribution
            self._imported.append(Plugin(name, distribution, version, module, import_s, extras))

    def _ask_imported(self) -> None:
        """Ask the newly imported plugins what they bring.

        All are registered before the first is asked: any of them may check its use cases.
        """
        while self._imported:
            plugin = self._imported.pop(0)
            with self._loading(plugin.name, plugin.distribution):
                self._take(plugin)
            if plugin not in self._loaded:
                self._hooks.unregister(plugin.module)

    @contextlib.contextmanager
    def _loading(self, name: str, distribution: str) -> Iterator[None]:
        """Run a plugin's code: note an exception as its failure, say and undo what it does to the process."""
        try:
            with guarded(partial(self._tell, name)):
                yield
        except KeyboardInterrupt:
            self._tell(name, "was at work when it was stopped")
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, SystemExit too
            self._fail(name, distribution, error)

    def _tell(self, name: str, what: str) -> None:
        if not self._silent:
            print(plain.cut(f"plugin {name!r} {what}", NOTE_CHARS), file=sys.stderr)  # noqa: T201 - the program speaks

    def load_files(self, files: Sequence[str]) -> None:
        """Load single-file plugins that are not loaded yet.

        Raises:
            PluginError: a file is missing or broken.
        """
        for file in files:
            load_file(self, file)

    def _take(self, plugin: Plugin) -> None:
        """Collect what a plugin brings before adding any of it: a plugin with one fault brings nothing."""
        self._registry.add(plugin, {kind: self._brought(plugin, kind) for kind in KINDS})
        self._loaded.append(plugin)

    def _brought(self, plugin: Plugin, kind: str) -> dict[str, Any]:
        """Return the parts of a kind that a plugin brings, checked, by name."""
        hook, of_type = KINDS[kind]
        parts: dict[str, Any] = {}
        offered: list[Any] = self._hooks.ask(plugin.module, hook, of_type) if kind in self._kinds else []
        for part in offered:
            check_declared(part)
            self._registry.check_name(plugin, kind, part.name, {*self._registry.offers[kind], *parts})
            if isinstance(part, UseCase) and part.file is not None:
                self.check_use_case(part)
            parts[part.name] = part
        return parts

    def _fail(self, name: str, distribution: str, error: BaseException) -> None:
        text = plain.message(error)
        kind = "" if isinstance(error, PluginError) else type(error).__name__
        reason = ": ".join(part for part in (kind, text) if part)
        self._failures.append(Failure(name, distribution, reason))
