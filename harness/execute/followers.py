"""Processes that train a model together with a worker: what starts them, and what they do."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing import current_process
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory
from typing import Any

from harness import plain
from harness.errors import PluginError
from harness.parallel import Other, Place, Team, joined, told
from harness.plugins import load_plugins
from harness.plugins.registry import FOR_STEPS
from harness.seams import Hardware, Learner
from harness.steps import Job, prepare


def devices_of(job: Job, hardware: Hardware) -> tuple[str, ...]:
    """Return the torch device of each process that does a step: most steps are done by one.

    Raises:
        Unsupported: the hardware has no devices for so many.
        PluginError: it gives another number of them.
    """
    count = job.spec.get("budget", {}).get("processes", 1)
    if count == 1:
        return (hardware.device,)
    devices = plain.listed(hardware.devices(count), "Hardware.devices()", "texts, a torch device for each process")
    if len(devices) != count:
        raise PluginError(f"Hardware.devices({count}) gave {len(devices)} devices. Give one for each process.")
    return tuple(plain.text(device, "Hardware.devices()[…]") for device in devices)


@contextmanager
def team(job: Job, devices: tuple[str, ...]) -> Iterator[Team | None]:
    """Start the other processes of a training, and end them; without any there is no team."""
    if len(devices) == 1:
        yield None
        return
    with TemporaryDirectory(prefix="harness-team-", ignore_cleanup_errors=True) as folder:
        places = [Place(rank, devices, f"{folder}/found") for rank in range(len(devices))]
        started = Team(places[0], [_start(job, place) for place in places[1:]])
        try:
            yield started
        finally:
            started.end()


def _start(job: Job, place: Place) -> Other:
    """Start a process: a new interpreter, as one that is forked cannot use a GPU that this one has looked at."""
    context: Any = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_follow, args=(job, place, there), daemon=True)
    process.start()
    there.close()
    return Other(process, here)


def _follow(job: Job, place: Place, pipe: Connection) -> None:
    """Build the worker's learner in this process, and take a step each time it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the harness handles Ctrl-C
    current_process().daemon = False  # plugins may start processes
    with contextlib.redirect_stdout(sys.stderr), ExitStack() as opened:
        try:
            learner = _built(job, place, pipe, opened)
            while pipe.recv():
                learner.step()
        except EOFError:  # the worker has gone, or failed
            pass
        except BaseException as error:  # noqa: BLE001 - whatever a plugin raises becomes the step's record
            with contextlib.suppress(OSError):
                pipe.send(told(error))  # before the others notice that this process leaves them


def _built(job: Job, place: Place, pipe: Connection, opened: ExitStack) -> Learner:
    """Return the learner, ready for its first step, when the others are there."""
    plugins = load_plugins(job.plugin_files, FOR_STEPS, silent=True)
    plugins.import_for(job.spec)
    scene, _ = prepare(job, plugins, lambda _: None, opened)
    if "torch" in sys.modules:  # the first step would import it, which takes seconds
        importlib.import_module("torch._dynamo")
    pipe.send(None)
    opened.enter_context(joined(place))
    learner = scene.learner(replace(scene.assignment(), device=place.devices[place.rank]))
    learner.prepare()
    return learner
