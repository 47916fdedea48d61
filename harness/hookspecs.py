"""Every hook of the harness. A plugin implements as many as it likes with `@harness.hookimpl`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import typer

    from harness.facts import PriceBook, UseCase
    from harness.records import Record
    from harness.seams import Hardware, Model, ModelScheme, Runtime, Task, Template

hookspec = pluggy.HookspecMarker("harness")
hookimpl = pluggy.HookimplMarker("harness")


@hookspec
def harness_models() -> Iterable[Model]:  # type: ignore[empty-body]
    """Return the models you bring; called once, when one is first needed."""


@hookspec
def harness_model_schemes() -> Iterable[ModelScheme]:  # type: ignore[empty-body]
    """Return the ways to name a model by reference, `hf:…`; called once, when one is first needed."""


@hookspec
def harness_tasks() -> Iterable[Task]:  # type: ignore[empty-body]
    """Return the tasks you bring; called once, when one is first needed."""


@hookspec
def harness_hardware() -> Iterable[Hardware]:  # type: ignore[empty-body]
    """Return the hardware you bring; called once, when one is first needed."""


@hookspec
def harness_runtimes() -> Iterable[Runtime]:  # type: ignore[empty-body]
    """Return the runtimes you bring; called once, when one is first needed."""


@hookspec
def harness_price_books() -> Iterable[PriceBook]:  # type: ignore[empty-body]
    """Return the price books you bring; called when something is priced."""


@hookspec
def harness_use_cases() -> Iterable[UseCase]:  # type: ignore[empty-body]
    """Return the use cases you bring; called once, when one is first needed."""


@hookspec
def harness_check_use_case(use_case: UseCase) -> None:
    """Raise `FactError` where a figure is unknown, senseless or missing; called for use cases from files."""


@hookspec
def harness_templates() -> Iterable[Template]:  # type: ignore[empty-body]
    """Return files that `harness new` starts from; called once, when one is first needed."""


@hookspec
def harness_preload() -> Iterable[str]:  # type: ignore[empty-body]
    """Return the heavy modules that steps import whose model, task, hardware or runtime has no `imports`."""


@hookspec
def harness_commands(app: typer.Typer) -> None:
    """Add commands to the command line; called before it is parsed, so import inside the commands."""


@hookspec
def harness_record(record: Record) -> None:
    """Receive a finished record; called in the harness process once the record is stored."""
