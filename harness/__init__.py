"""Viability Harness: measures models, prices what it measured, and says whether a use case is worth the money.

What a plugin needs is here; nothing heavy is imported, and `Record`, which few plugins need, when it is asked for.
"""

import typing

from harness.errors import DataError, FactError, HarnessError, PluginError, StoreError, SuiteError, Unsupported
from harness.facts import Figure, Price, PriceBook, UseCase
from harness.hookspecs import hookimpl
from harness.seams import (
    Assignment,
    Budget,
    Codec,
    Data,
    Grades,
    Hardware,
    Learner,
    Meter,
    Metric,
    Model,
    ModelScheme,
    Predict,
    Progress,
    Reading,
    Runtime,
    Sample,
    Scores,
    Setting,
    StreamingPredictor,
    Task,
    Template,
)

if typing.TYPE_CHECKING:
    from harness.records import Record

__all__ = [
    "Assignment",
    "Budget",
    "Codec",
    "Data",
    "DataError",
    "FactError",
    "Figure",
    "Grades",
    "Hardware",
    "HarnessError",
    "Learner",
    "Meter",
    "Metric",
    "Model",
    "ModelScheme",
    "PluginError",
    "Predict",
    "Price",
    "PriceBook",
    "Progress",
    "Reading",
    "Record",
    "Runtime",
    "Sample",
    "Scores",
    "Setting",
    "StoreError",
    "StreamingPredictor",
    "SuiteError",
    "Task",
    "Template",
    "Unsupported",
    "UseCase",
    "hookimpl",
]


def __dir__() -> list[str]:
    """Return all names, those that are not imported yet too: a notebook completes them."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> typing.Any:
    """Return `Record` (PEP 562)."""
    if name != "Record":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from harness.records import Record

    return Record
