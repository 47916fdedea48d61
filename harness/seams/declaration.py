"""What all declarations have in common, and the files to start from."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Setting(NamedTuple):
    """A knob of a model or a task that a suite may turn."""

    default: Any
    help: str
    choices: tuple[Any, ...] = ()
    access: bool = False
    """Whether it only says how a model is reached, as a URL does: then it does not change the step."""
    read: Callable[[Any], Any] | None = None
    """Turns what is given into what plans and records hold, such as the name of a file into its content; raises
    `DataError`. What it returned once, it returns unchanged."""


class Declaration(ABC):
    """A part that a plugin brings; light, and made while the plugin loads."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for lists."""
    imports: ClassVar[tuple[str, ...] | None] = None
    """The heavy modules that steps with it import, yours included: the fork server imports them once, before the first
    worker starts, and only if a step needs them. They must not start threads. None: unknown; then what the plugin's
    `harness_preload` names is imported, or without that hook what all plugins name. The versions of libraries among
    them are part of a step's fingerprint, as are those that its sources import. If one is not installed, the harness
    does not run it and says how to install it."""
    extra: ClassVar[str | None] = None
    """The extra of your distribution with these libraries. None: the extra with the name of your plugin's entry point,
    if there is one."""
    known_failures: ClassVar[Mapping[str, str]] = {}
    """Conformance check → why it fails. A check that is named here and passes is a failure."""


class Template(NamedTuple):
    """A file to start from; `harness new` writes it under a name of the user's. A plugin's works unchanged."""

    name: str
    """What it makes: `model`, `task`, …"""
    summary: str
    file: Path
    """Its words `my-name`, `my_name` and `MyName` become the user's."""
    try_it: str
    """Arguments of `harness` that use it, with `my-name` and `my_name` in them."""
    plugin: bool = True
    """Whether it is a plugin file, which can be checked and packaged; a suite is none."""
