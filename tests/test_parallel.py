"""Processes that train together: what they are told and tell, and a suite through the command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import Hardware, PluginError, Unsupported
from harness.execute.followers import devices_of
from harness.execute.worker import _hardware
from harness.on_ray import taken
from harness.parallel import SET, Failure, Other, Place, Team, _loopback, _raised_elsewhere, joined, told
from harness.plugins import load_plugins
from harness.steps import Job
from harness.store import open_store

SUITE = """\
name: together
models:
  - {name: mlp, settings: {dropout: 0.0}, budgets: {finetune: {steps: 25}}}
  - {name: mlp, settings: {dropout: 0.0}, budgets: {finetune: {steps: 25, processes: 2}}}
tasks: [text-classification]
runtimes: [eager]
serve: {seconds: 0.05, queries: 2}
"""


class Cards(Hardware):
    """A machine with as many cards as are asked for."""

    name = "cards"
    summary = "Cards"
    device = "card:0"
    resources = {"CPU": 2, "GPU": 1, "h100": 0.5}  # noqa: RUF012 - as a plugin writes it
    given: tuple[Any, ...] = ("card:0", "card:1", "card:2")

    def unavailable(self) -> str | None:
        """Return None."""
        return None

    def describe(self) -> dict[str, Any]:
        """Return what one card is."""
        return {"device_name": "card", "price_item": "card", "price_quantity": 1.5}

    def meters(self) -> list[Any]:
        """Return none."""
        return []

    def devices(self, count: int) -> Any:
        """Return so many, or what is given."""
        return self.given[:count]


def job(**budget: Any) -> Job:
    """Return a training with a budget."""
    return Job("finetune", {"budget": {"steps": 1, **budget}}, {}, Path())


def test_each_process_has_a_device() -> None:
    """One has the hardware's own; all are priced and metered."""
    assert devices_of(Job("evaluate", {}, {}, Path()), Cards()) == ("card:0",)
    assert devices_of(job(), Cards()) == ("card:0",)
    assert devices_of(job(processes=3), Cards()) == ("card:0", "card:1", "card:2")
    with pytest.raises(PluginError, match=r"devices\(4\) gave 3 devices"):
        devices_of(job(processes=4), Cards())
    assert _hardware(Cards(), 1)["price_quantity"] == 1.5
    assert _hardware(Cards(), 3)["price_quantity"] == 4.5
    assert Cards().meters_of(["card:0", "card:1"]) == []


def test_ray_is_asked_for_what_all_processes_take() -> None:
    """A step of one takes the hardware's resources once."""
    assert taken(Cards(), {}) == {"CPU": 2, "GPU": 1, "h100": 0.5}
    assert taken(Cards(), {"budget": {"steps": 1, "processes": 2}}) == {"CPU": 4, "GPU": 2, "h100": 1.0}


def test_hardware_says_what_it_takes_of_a_node() -> None:
    """What is behind an endpoint takes nothing."""
    hardware = load_plugins(silent=True).hardware
    assert {name: dict(hardware[name].resources) for name in ("cpu", "cuda", "remote")} == {
        "cpu": {"CPU": 1}, "cuda": {"CPU": 1, "GPU": 1}, "remote": {},
    }  # fmt: skip


class OddError(Exception):
    """One that is not made of a message."""

    def __init__(self, code: int, place: str) -> None:
        super().__init__(f"{place}: {code}")


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ValueError("no"), ValueError, "no"),
        (Unsupported("not here"), Unsupported, "not here"),
        (MemoryError("full"), MemoryError, "full"),
        (OddError(3, "there"), RuntimeError, "there: 3"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "odd"), Exception, "'utf-8' codec can't decode byte 0x78"),
    ],
)
def test_an_exception_of_another_process_has_its_name_and_message(error: Any, kind: type, text: str) -> None:
    """Whether or not it could be sent as it is; the place in the other process is told too."""
    with pytest.raises(type(error)) as raised:
        raise error
    failure = told(raised.value)
    again = _raised_elsewhere(Failure(*failure), 1)

    assert isinstance(again, kind)
    assert type(again).__name__ == type(error).__name__
    assert str(again).startswith(text)
    assert "test_parallel.py" in again.__notes__[0]
    assert again.__notes__[0].startswith("In training process 2:")


def test_the_reason_is_that_of_the_process_which_failed_first() -> None:
    """Others only lost it: what they say is no reason, unless there is no better one."""
    pipes = [Pipe() for _ in range(3)]
    stopped = SimpleNamespace(pid=1, exitcode=-9, join=lambda _: None)
    team = Team(Place(0, ("cpu",) * 4, ""), [Other(stopped, here) for here, _ in pipes])
    lost = told(ConnectionError("Another training process cannot be reached"))

    pipes[0][1].send(lost)
    assert isinstance(team._failure(), ConnectionError)
    pipes[0][1].send(lost)
    pipes[1][1].close()
    assert str(team._failure()).startswith("Training process 3 of 4 was ended by signal 9")
    pipes[0][1].send(None)
    team._others = team._others[:1]
    assert team._failure() is None


def test_what_is_joined_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment, accelerate's state and the process group; within it gloo stays on the machine."""
    import torch
    from accelerate.state import AcceleratorState, PartialState
    from torch import distributed

    monkeypatch.setenv("RANK", "as it was")
    monkeypatch.delenv("MASTER_PORT", raising=False)
    before, threads = {name: os.environ.get(name) for name in SET}, torch.get_num_threads()
    with joined(Place(0, ("cpu",), str(tmp_path / "met"))):
        within = {name: os.environ.get(name) for name in SET}
        size = PartialState(cpu=True).num_processes, distributed.get_world_size(), distributed.get_backend()

    torch.set_num_threads(threads)
    assert (within["RANK"], within["WORLD_SIZE"], within["GLOO_SOCKET_IFNAME"]) == ("0", "1", _loopback())
    assert size == (1, 1, "gloo")
    assert {name: os.environ.get(name) for name in SET} == before
    assert not distributed.is_initialized()
    assert not PartialState._shared_state
    assert not AcceleratorState._shared_state


def test_the_machine_is_alone_on_its_own_interface() -> None:
    """Gloo would listen to the network on another one."""
    import psutil

    assert "127.0.0.1" in [one.address for one in psutil.net_if_addrs()[_loopback()]]


@pytest.mark.slow
def test_a_suite_trains_in_two_processes(
    tmp_path: Path, harness_command: Callable[..., Any], libraries_at_hand: None
) -> None:
    """The same quality as in one, and the price of a machine for the time that it took, once."""
    (tmp_path / "s.yaml").write_text(SUITE, encoding="utf-8")
    ended = harness_command(tmp_path, "run", "s.yaml", "--store", "st")
    table = ["table", "cost", "--store", "st", "--format", "json"]
    rows = json.loads(harness_command(tmp_path, *table).stdout)
    accuracy = json.loads(harness_command(tmp_path, "table", "accuracy", "--store", "st", "--format", "json").stdout)
    store = open_store(str(tmp_path / "st"))
    trained = {record.used.get("processes", 1): record for record in store.records() if record.step == "finetune"}
    store.close()

    assert (ended.code, "6 ok" in ended.stdout) == (0, True), ended.stdout
    assert set(trained) == {1, 2}
    assert len({row["value"] for row in accuracy}) == 1
    assert trained[2].series["loss"] == pytest.approx(trained[1].series["loss"], rel=1e-3)
    assert len(rows) == 2
    for number, record in trained.items():
        hours, machine = record.value("wall_s") / 3600, record.environment["hardware"]
        usd = hours * machine["price_quantity"] * rows[0]["price_usd"]
        assert [row["finetune_usd"] for row in rows if row["finetune_usd"] == pytest.approx(usd, rel=1e-6)], number
