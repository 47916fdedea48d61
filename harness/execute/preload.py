"""Imported by the fork server: imports what its workers need.

These are the modules of the installed plugins, and the heavy ones named in the environment. A module that cannot be
imported is skipped: the worker whose step needs it will say so.
"""

import contextlib
import gc
import importlib
import os
import sys
import warnings
from importlib import metadata

from harness.execute import HARNESS, NAMES, SAFE_PATH
from harness.execute.keeper import adopt_orphans
from harness.guard import guarded
from harness.plugins.collection import GROUP

adopt_orphans()  # what a killed keeper leaves: the harness finds it here
warnings.filterwarnings("ignore", message="forkserver: waitpid returned unexpected pid")  # one of them has ended
gc.disable()  # imports make hundreds of thousands of objects and little garbage
os.environ.pop(SAFE_PATH, None)  # it was for the fork server: what a plugin starts finds its modules as ever
_harness = os.environ.get(HARNESS, str(os.getppid()))
_plugins = [point.module for point in metadata.entry_points(group=GROUP)]
for name in [*_plugins, *os.environ.get(NAMES, "").split()]:
    if str(os.getppid()) != _harness:
        os._exit(0)  # the harness is gone: it had nothing to do, or was stopped
    with contextlib.suppress(BaseException), guarded(lambda _: None):  # the harness has said what they print
        importlib.import_module(name)
if "torch" in sys.modules:
    with contextlib.suppress(BaseException):
        # The first optimiser of a process imports it, which would add seconds to every training.
        importlib.import_module("torch._dynamo")
gc.freeze()  # keeps the collector of each worker from scanning what they share
gc.enable()
