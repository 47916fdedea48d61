"""Steps on a Ray cluster: a task of Ray does a step on a node, through the same lane as on this machine.

Nodes have the harness and its plugins at the same place as this machine, and reach the store's database server and its
artifacts. Steps whose calls are paid under a cap are done here, where the ledger is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from harness import environment
from harness.basis import Bases
from harness.database import check_shared, database_url, hide_password
from harness.errors import StoreError, SuiteError
from harness.installed import DISTRIBUTION, install_command
from harness.lanes import Conditions, Here, Lane, Report, Tried
from harness.place import is_url, place
from harness.plan import Step
from harness.plugins import Plugins, load_plugins
from harness.records import StepResult
from harness.seams import Hardware, Spend
from harness.store import Store, open_store

EXTRA = "ray"
_IN_FLIGHT = 2
"""Steps that Ray is given for each processor of the cluster: so many wait at most, for other runs to share the rest."""
_RETRIES = 3
"""How often Ray does a step again whose node or process is lost."""
_LOOK_S = (0.05, 1.0)
"""How often a step looks whether its host is free, at first and at last."""
_CONNECT_S = 5.0
_HOW = "Write ray, or ray:ADDRESS, such as ray:10.0.0.1:6379."
_START = "Start one: ray start --head"
_lanes: dict[str, Lane] = {}


class OnRay:
    """A cluster, which Ray's scheduler fills; nodes may come and go."""

    def __init__(self, store: Store, conditions: Conditions, plugins: Plugins, address: str | None) -> None:
        self._ray = _started(address)
        files = tuple(str(Path(file).absolute()) for file in conditions.files)
        self._plugins, self._conditions = plugins, replace(conditions, files=files)
        self._place = store.place
        self._task = self._ray.remote(_do)
        self._here = Here(store, conditions, threads=True)
        self._running: dict[Future[Tried], Any] = {}
        self._most, self._counted_at = 0, 0.0

    def begin(
        self, step: Step, spend: Spend | None, begins: Callable[[], None], report: Report
    ) -> Future[Tried] | None:
        """Give Ray a step, if it has not enough to do."""
        if spend is not None:
            return self._here.begin(step, spend, begins, report)
        if len(self._running) >= self._capacity():
            return None
        begins()
        resources = taken(self._plugins.find("hardware", step.spec["hardware"]), step.spec)
        task = self._task.options(
            name=step.title,
            num_cpus=resources.pop("CPU", 1),
            num_gpus=resources.pop("GPU", 0),
            resources=resources,
            max_retries=_RETRIES,
        )
        reference = task.remote(step, self._place, self._conditions, str(Path.cwd()))
        tried: Future[Tried] = Future()
        self._running[tried] = reference
        reference.future().add_done_callback(lambda ended: self._end(tried, ended))
        return tried

    def close(self) -> None:
        """End the steps that are under way."""
        for reference in list(self._running.values()):
            self._ray.cancel(reference, force=True)
        self._here.close()
        self._ray.shutdown()

    def _end(self, tried: Future[Tried], ended: Any) -> None:
        """Take over what came of a task: what Ray says of a node or process that was lost is the step's record."""
        self._running.pop(tried, None)
        error = ended.exception()
        if error is None:
            tried.set_result(ended.result())
        elif isinstance(cause := getattr(error, "cause", None), StoreError):
            tried.set_exception(cause)
        else:
            now = datetime.now(UTC)
            lost = StepResult(outcome="killed", reason=f"Ray lost it: {error}")
            tried.set_result(Tried(now, now, environment.machine(), lost))

    def _capacity(self) -> int:
        """Return how many steps Ray is given at a time; looked at now and then, as nodes come and go."""
        if time.monotonic() - self._counted_at > 1.0:
            self._most = max(1, int(_IN_FLIGHT * self._ray.cluster_resources().get("CPU", 1)))
            self._counted_at = time.monotonic()
        return self._most


def taken(hardware: Hardware, spec: Mapping[str, Any]) -> dict[str, float]:
    """Return what a step takes of a node: the resources of its hardware, as many times as processes do it."""
    processes = spec.get("budget", {}).get("processes", 1)
    return {name: amount * processes for name, amount in hardware.resources.items()}


def check_cluster(on: str, location: str | None) -> None:
    """Check what `--on` names, and that a cluster's machines reach the store, before anything is written.

    Raises:
        SuiteError: it names no cluster.
        StoreError: the cluster cannot be reached, the store is a file, or Ray is missing.
    """
    kind, _, address = on.partition(":")
    if kind != "ray":
        raise SuiteError(f"--on {on!r} names no cluster. {_HOW}")
    where = place(location)
    label = hide_password(where) if is_url(where) else where
    check_shared(database_url(where, label), label)
    _ray()
    if address:
        _check_reachable(address)


def _check_reachable(address: str) -> None:
    """Try to connect: Ray itself tries for minutes, and says little."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise SuiteError(f"--on 'ray:{address}' names no host and port. {_HOW}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise StoreError(f"There is no Ray cluster at {address!r}: {error}. {_START}") from error


def _ray() -> Any:
    """Return Ray.

    Raises:
        StoreError: it is missing.
    """
    try:
        import ray
    except ImportError as error:
        raise StoreError(f"Ray is missing. Next: {install_command([(DISTRIBUTION, EXTRA)])}") from error
    return ray


def _started(address: str | None) -> Any:
    """Return Ray, connected to a cluster; without an address to that of this machine, or a new one."""
    ray = _ray()
    # Else a task that asks for no GPU finds none, and its description of the machine is another one.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        _connect(ray, address)
    except Exception as error:
        raise StoreError(f"There is no Ray cluster at {address!r}: {error}. {_START}") from error
    return ray


def _connect(ray: Any, address: str | None) -> None:
    """Connect to a cluster; without an address to that of this machine, or to a new one that only this machine reaches.

    Raises:
        ConnectionError: there is none at the address.
    """
    connect = partial(ray.init, log_to_driver=False, logging_level=logging.ERROR)
    try:
        connect(address=address or "auto")
    except ConnectionError:
        if address is not None:
            raise
        connect(_node_ip_address="127.0.0.1", include_dashboard=False)


def _do(step: Step, place: tuple[str, str], conditions: Conditions, folder: str) -> Tried:
    """Do a step on the node that Ray chose, when its host is free."""
    with contextlib.suppress(OSError):  # what the suite names by a relative path
        os.chdir(folder)
    _set_threads(step.basis["threads"])
    started = datetime.now(UTC)
    if (other := _differs(step, conditions.files)) is not None:
        failed = StepResult(outcome="failed", environment={"threads": environment.threads()}, reason=other)
        return Tried(started, datetime.now(UTC), environment.machine(), failed)
    lane = _lane(place, conditions)
    pause_s, longest_s = _LOOK_S
    while not lane.reserve(step):
        time.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - two that wait look at different times
        pause_s = min(2 * pause_s, longest_s)
    return lane.do(step, None, lambda _: None)


def _lane(place: tuple[str, str], conditions: Conditions) -> Lane:
    """Return the lane of this process, which does one step after the other."""
    key = f"{place} {conditions}"
    if key not in _lanes:
        location, artifacts = place
        _lanes[key] = Lane(open_store(location, artifacts=artifacts), conditions)
    return _lanes[key]


@cache
def _bases(files: tuple[str, ...]) -> Bases:
    return Bases(load_plugins(files, silent=True))


def _set_threads(planned: dict[str, Any]) -> None:
    """Let libraries have the threads of the plan: Ray sets one for each processor that a task asks for."""
    for name in environment.THREAD_VARIABLES:
        if name in planned:
            os.environ[name] = planned[name]
        else:
            os.environ.pop(name, None)


def _differs(step: Step, files: tuple[str, ...]) -> str | None:
    """Return how this node differs from the machine that the step was planned on; None if it does not."""
    node = {"threads": environment.threads(), "machine": _bases(files).machine(step.spec["hardware"])}
    differing = {name: (step.basis[name], value) for name, value in node.items() if step.basis[name] != value}
    if not differing:
        return None
    words = "; ".join(f"{name}: planned {planned}, here {here}" for name, (planned, here) in differing.items())
    return (
        f"Its node is another kind of machine than the one that the suite was planned on ({words}). Run from a machine "
        "of the kind that is to be measured, and name its resources in `Hardware.resources`."
    )
