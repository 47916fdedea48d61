"""Imported by the fork server: imports what all workers to come need, so that each has it at once.

That are the modules of the installed plugins, and the heavy ones whose names are in the environment. What cannot be
imported is passed over: the worker whose step needs it will say so.
"""

import contextlib
import importlib
import os
import sys
from importlib import metadata

from harness.plugins import GROUP

NAMES = "HARNESS_FORK_SERVER_IMPORTS"
"""Environment variable: names of modules, separated by spaces."""

_plugins = [point.module for point in metadata.entry_points(group=GROUP)]
for name in ["harness.use_case_file", *_plugins, *os.environ.get(NAMES, "").split()]:
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
if "torch" in sys.modules:
    with contextlib.suppress(BaseException):
        # The first optimiser of a process imports it: seconds of every training that are none of the model's.
        importlib.import_module("torch._dynamo")
