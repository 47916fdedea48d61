"""Viability Harness: measures models, prices what it measured, and says whether a use case is worth the money.

What a plugin needs is here; nothing heavy is imported.
"""

from harness.errors import DataError, FactError, HarnessError, PluginError, StoreError, SuiteError, Unsupported
from harness.facts import Figure, Price, PriceBook, UseCase
from harness.hookspecs import hookimpl
from harness.reading import HowRead
from harness.records import Record
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
    NotAnAnswerError,
    Predict,
    Progress,
    Prompts,
    Quote,
    Reading,
    Runtime,
    Sample,
    Scores,
    Setting,
    Spend,
    StreamingPredictor,
    Task,
    Template,
)

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
    "HowRead",
    "Learner",
    "Meter",
    "Metric",
    "Model",
    "ModelScheme",
    "NotAnAnswerError",
    "PluginError",
    "Predict",
    "Price",
    "PriceBook",
    "Progress",
    "Prompts",
    "Quote",
    "Reading",
    "Record",
    "Runtime",
    "Sample",
    "Scores",
    "Setting",
    "Spend",
    "StoreError",
    "StreamingPredictor",
    "SuiteError",
    "Task",
    "Template",
    "Unsupported",
    "UseCase",
    "hookimpl",
]
