"""Steps on a Ray cluster: a task of Ray does a step on a node, through the same lane as on this machine.

Nodes have the harness and its plugins at the same place as this machine, and reach the store's database server and its
artifacts. A node of another kind than the suite is planned for is left out. Steps that take nothing of a node, and
those whose calls are paid under a cap, are done here, where the ledger is.
"""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import environment
from harness.basis import Bases
from harness.errors import StoreError
from harness.lanes import Conditions, Here, Lane, Report, Tried
from harness.nodes import NODE, absolute, at, connected, having, plugins_here
from harness.plan import Step
from harness.plugins import Plugins
from harness.records import StepResult
from harness.seams import Hardware, Spend
from harness.store import Store, open_store

_IN_FLIGHT = 2
"""Steps that Ray is given for each processor of the cluster: so many wait at most, for other runs to share the rest."""
_RETRIES = 3
"""How often Ray does a step again whose node or process is lost."""
_LOOK_S = (0.05, 1.0)
"""How often a step looks whether its host is free, at first and at last."""
_lanes: dict[str, Lane] = {}


@dataclass(frozen=True)
class Unfit:
    """A step was not tried: the node is of another kind than the one it was planned for."""

    node: str
    reason: str


class OnRay:
    """A cluster, which Ray's scheduler fills; nodes may come and go."""

    def __init__(self, store: Store, conditions: Conditions, plugins: Plugins, address: str | None) -> None:
        self._ray = connected(address)
        self._plugins, self._conditions = plugins, replace(conditions, files=absolute(conditions.files))
        self._place = store.place
        self._task = self._ray.remote(_do)
        self._here = Here(store, conditions, threads=True)
        self._running: dict[Future[Tried], Any] = {}
        self._unfit: dict[str, set[str]] = defaultdict(set)
        """Hardware → nodes on which it is another one than planned."""
        self._most, self._counted_at = 0, 0.0

    def begin(
        self, step: Step, spend: Spend | None, begins: Callable[[], None], report: Report
    ) -> Future[Tried] | None:
        """Give Ray a step, if it has not enough to do."""
        if spend is not None or not self._hardware(step).resources:
            return self._here.begin(step, spend, begins, report)
        if len(self._running) >= self._capacity():
            return None
        begins()
        tried: Future[Tried] = Future()
        self._give(step, tried)
        return tried

    def close(self) -> None:
        """End the steps that are under way."""
        for reference in list(self._running.values()):
            self._ray.cancel(reference, force=True)
        self._here.close()
        self._ray.shutdown()

    def _hardware(self, step: Step) -> Hardware:
        hardware: Hardware = self._plugins.find("hardware", step.spec["hardware"])
        return hardware

    def _give(self, step: Step, tried: Future[Tried]) -> None:
        resources = taken(self._hardware(step), step.spec)
        unfit = ",".join(sorted(self._unfit[step.spec["hardware"]]))
        task = self._task.options(
            name=step.title,
            num_cpus=resources.pop("CPU", 1),
            num_gpus=resources.pop("GPU", 0),
            resources=resources,
            max_retries=_RETRIES,
            label_selector={NODE: f"!in({unfit})"} if unfit else None,
        )
        reference = task.remote(step, self._place, self._conditions, str(Path.cwd()))
        self._running[tried] = reference
        reference.future().add_done_callback(lambda ended: self._end(step, tried, ended))

    def _end(self, step: Step, tried: Future[Tried], ended: Any) -> None:
        """Take over what came of a task: what Ray says of a node or process that was lost is the step's record."""
        error = ended.exception()
        result: Any = ended.result() if error is None else None
        if isinstance(result, Unfit):
            if self._others(step, result):
                self._give(step, tried)
                return
            result = _failed(result.reason)
        self._running.pop(tried, None)
        if error is None:
            tried.set_result(result)
        elif isinstance(cause := getattr(error, "cause", None), StoreError):
            tried.set_exception(cause)
        else:
            tried.set_result(_ended(StepResult(outcome="killed", reason=f"Ray lost it: {error}")))

    def _others(self, step: Step, unfit: Unfit) -> bool:
        """Note a node that is of another kind; return whether there are others that have what the step takes."""
        left_out = self._unfit[step.spec["hardware"]]
        left_out.add(unfit.node)
        return not left_out.issuperset(having(self._ray, taken(self._hardware(step), step.spec)))

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


def _ended(result: StepResult) -> Tried:
    now = datetime.now(UTC)
    return Tried(now, now, environment.machine(), result)


def _failed(reason: str) -> Tried:
    return _ended(StepResult(outcome="failed", environment={"threads": environment.threads()}, reason=reason))


def _do(step: Step, place: tuple[str, str], conditions: Conditions, folder: str) -> Tried | Unfit:
    """Do a step on the node that Ray chose, when its host is free."""
    at(folder)
    _set_threads(step.basis["threads"])
    if (other := _differs(step, conditions.files)) is not None:
        return other
    lane = _lane(place, conditions)
    pause_s, longest_s = _LOOK_S
    while not lane.reserve(step):
        time.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - two that wait look at different times
        pause_s = min(2 * pause_s, longest_s)
    return lane.do(step, None, lambda _: None)


def _lane(place: tuple[str, str], conditions: Conditions) -> Lane:
    """Return the lane of this process, which does one step after the other, for the accelerators that Ray gave it."""
    import ray

    key = f"{place} {conditions} {ray.get_runtime_context().get_accelerator_ids()}"
    if key not in _lanes:
        location, artifacts = place
        _lanes[key] = Lane(open_store(location, artifacts=artifacts), conditions)
    return _lanes[key]


def _set_threads(planned: dict[str, Any]) -> None:
    """Let libraries have the threads of the plan: Ray sets one for each processor that a task asks for."""
    for name in environment.THREAD_VARIABLES:
        if name in planned:
            os.environ[name] = planned[name]
        else:
            os.environ.pop(name, None)


def _differs(step: Step, files: tuple[str, ...]) -> Unfit | None:
    """Return how this node differs from those that the step was planned for; None if it does not."""
    import ray

    machine = Bases(plugins_here(files)).machine(step.spec["hardware"])
    here = {"threads": environment.threads(), "machine": machine}
    differing = {name: (step.basis[name], value) for name, value in here.items() if step.basis[name] != value}
    if not differing:
        return None
    words = "; ".join(f"{name}: planned {planned}, there {value}" for name, (planned, value) in differing.items())
    return Unfit(
        ray.get_runtime_context().get_node_id(),
        f"No node is of the kind that the suite is planned for ({words}). See whether one was lost, and run it again.",
    )
