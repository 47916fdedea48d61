"""Imported by the fork server: imports what all workers to come need, so that each has it at once.

That are the modules of the installed plugins, and the heavy ones whose names are in the environment. What cannot be
imported is passed over: the worker whose step needs it will say so.
"""

import contextlib
import gc
import importlib
import os
import sys
from importlib import metadata

from harness.execute import HARNESS, NAMES
from harness.plugins import GROUP

gc.disable()  # imports make hundreds of thousands of objects and little rubbish
_harness = os.environ.get(HARNESS, str(os.getppid()))
_plugins = [point.module for point in metadata.entry_points(group=GROUP)]
for name in [*_plugins, *os.environ.get(NAMES, "").split()]:
    if str(os.getppid()) != _harness:
        os._exit(0)  # there was nothing to do, or the run was stopped: nobody waits for the rest
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
if "torch" in sys.modules:
    with contextlib.suppress(BaseException):
        # The first optimiser of a process imports it: seconds of every training that are none of the model's.
        importlib.import_module("torch._dynamo")
gc.freeze()  # workers need not look through what they share
gc.enable()
