"""The nodes of a Ray cluster: how they are reached, and what they say of hardware, for which suites are planned."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from harness import environment, plain
from harness.basis import Bases
from harness.database import check_shared, database_url, hide_password
from harness.errors import HarnessError, StoreError, SuiteError
from harness.installed import DISTRIBUTION, install_command
from harness.place import is_url, place
from harness.plugins import Plugins, load_plugins
from harness.probe import Probe
from harness.seams import Hardware

EXTRA = "ray"
NODE = "ray.io/node-id"
"""The label of nodes with their id."""
_CONNECT_S = 5.0
_ANSWER_S = 120.0
"""A node starts Python and loads the plugins before it answers."""
_SEES_ALL = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Without this a task that asks for no GPU finds none, and its description of the machine is another one."""
_HOW = "Write ray, or ray:ADDRESS, such as ray:10.0.0.1:6379."
_START = "Start one: ray start --head"


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
    _imported()
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


def _imported() -> Any:
    """Return Ray.

    Raises:
        StoreError: it is missing.
    """
    try:
        import ray
    except ImportError as error:
        raise StoreError(f"Ray is missing. Next: {install_command([(DISTRIBUTION, EXTRA)])}") from error
    return ray


def connected(address: str | None) -> Any:
    """Return Ray, connected to a cluster; without an address to that of this machine, or a new one."""
    ray = _imported()
    if ray.is_initialized():
        return ray
    for name, value in _SEES_ALL.items():
        os.environ.setdefault(name, value)
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


class Nodes:
    """Asks the nodes of a cluster what they say of hardware."""

    def __init__(self, address: str | None, files: Iterable[str]) -> None:
        """Connect to the cluster; plugin files are at the same place on its nodes."""
        self._ray = connected(address)
        self._files = absolute(files)
        self._probes: dict[str, Probe] = {}

    def __call__(self, hardware: Hardware) -> Probe:
        """Return what most of the nodes say that have what a step on the hardware takes; asked once.

        Raises:
            HarnessError: a plugin failed there.
        """
        if hardware.name not in self._probes:
            self._probes[hardware.name] = self._asked(hardware)
        return self._probes[hardware.name]

    def close(self) -> None:
        """Leave the cluster."""
        self._ray.shutdown()

    def _asked(self, hardware: Hardware) -> Probe:
        nodes = having(self._ray, hardware.resources)
        if not nodes:
            wanted = ", ".join(f"{name}: {amount:g}" for name, amount in hardware.resources.items())
            return Probe(f"no node of the cluster has {wanted}", {}, 0, {})
        ask = self._ray.remote(_probe).options
        tasks = [ask(num_cpus=0, scheduling_strategy=_on(one), runtime_env={"env_vars": _SEES_ALL}) for one in nodes]
        references = [task.remote(hardware.name, self._files, str(Path.cwd())) for task in tasks]
        answers = [answer for one in references if (answer := self._answer(hardware.name, one)) is not None]
        if not answers:
            raise StoreError(f"None of the {len(nodes)} nodes that have what {hardware.name!r} takes answers.")
        usable = [answer for answer in answers if answer.unavailable is None]
        kinds = Counter(map(repr, usable or answers))
        return max(usable or answers, key=lambda answer: kinds[repr(answer)])

    def _answer(self, name: str, reference: Any) -> Probe | None:
        """Return what a node says, None if it is lost or silent.

        Raises:
            HarnessError: a plugin failed there, or something else did.
        """
        try:
            answer: Probe = self._ray.get(reference, timeout=_ANSWER_S)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, HarnessError):
                raise error.cause from error
            raise StoreError(
                f"A node of the cluster cannot say whether it has {name!r}: {plain.message(error.cause)}. See that it "
                "has the harness and its plugins, of the same versions and at the same place."
            ) from error
        except self._ray.exceptions.RayError:
            return None
        return answer


def having(ray: Any, resources: Mapping[str, float]) -> list[str]:
    """Return the ids of the nodes that have resources, whether they are free or not."""
    return [
        node["NodeID"]
        for node in ray.nodes()
        if node["Alive"] and all(node["Resources"].get(name, 0) >= amount for name, amount in resources.items())
    ]


def absolute(files: Iterable[str]) -> tuple[str, ...]:
    """Return paths of plugin files for nodes, which have another working folder."""
    return tuple(str(Path(file).absolute()) for file in files)


def at(folder: str) -> None:
    """Go to a folder, for what the suite names by a relative path, if this node has it."""
    with contextlib.suppress(OSError):
        os.chdir(folder)


@cache
def plugins_here(files: Sequence[str]) -> Plugins:
    """Return this node's plugins."""
    return load_plugins(files, silent=True)


def _on(node: str) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node_id=node, soft=False)


def _probe(name: str, files: tuple[str, ...], folder: str) -> Probe:
    """Return what this node says of hardware."""
    at(folder)
    plugins = plugins_here(files)
    cores = environment.usable_cpus()
    if (reason := plugins.no_hardware(name)) is not None:
        return Probe(reason, {}, cores, {})
    device = plugins.find("hardware", name).device_type
    fitting = [runtime for runtime, part in plugins.runtimes.items() if device in part.devices]
    return Probe(None, Bases(plugins).machine(name), cores, {one: plugins.no_runtime(one, name) for one in fitting})
