"""The checks of hardware and of runtimes."""

from __future__ import annotations

import json
import math
from functools import cached_property
from pathlib import Path
from unittest import SkipTest

from harness.errors import PluginError, Unsupported
from harness.plugins import Plugins
from harness.seams import Hardware, Model, Predict, Runtime
from harness.testing.bench import ModelBench, answered
from harness.testing.compare import demand_equal, demand_no_cache, distance
from harness.testing.declarations import demand_declaration
from harness.testing.findings import CheckFailed, Rules
from harness.testing.networks import EXPORTED

OTHER_SEED = 1
"""Seed of the served learner: it differs from the trained one until it loads the artifact."""
DESCRIBED = ("device_name", "price_item", "price_quantity")

HARDWARE: Rules[HardwareBench] = Rules()
RUNTIME: Rules[RuntimeBench] = Rules()


class HardwareBench:
    """Hardware and whether it is present."""

    def __init__(self, hardware: Hardware, plugins: Plugins) -> None:
        self.declared = hardware
        self.plugins = plugins

    @property
    def present(self) -> Hardware:
        """The hardware; raises SkipTest if it is absent."""
        if reason := self.declared.unavailable():
            raise SkipTest(f"It is not here: {reason}")
        return self.declared


@HARDWARE.rule("Fill in what is missing; harness/seams says what each field is.")
def hardware_declaration(bench: HardwareBench) -> None:
    """Summary, device and precisions are there."""
    demand_declaration(bench.declared)
    if not getattr(bench.declared, "device", "") or not bench.declared.precisions:
        raise CheckFailed("device or precisions are missing.")


@HARDWARE.rule("Return device_name, price_item and price_quantity (a number above 0), all writable as JSON.")
def describes_itself(bench: HardwareBench) -> None:
    """It gives its name and what price books call it."""
    description = bench.present.describe()
    missing = [key for key in DESCRIBED if not description.get(key)]
    if missing:
        raise CheckFailed(f"describe() lacks {', '.join(missing)}.")
    json.dumps(description)


@HARDWARE.rule("Add a dated, sourced price of that item to a price book.")
def has_a_price(bench: HardwareBench) -> None:
    """A price book has a price for it."""
    item = bench.present.describe()["price_item"]
    books = bench.plugins.price_books().values()
    if not any(price.item == item for book in books for price in book.prices):
        raise CheckFailed(f"No price book has a price for {item!r}.")


@HARDWARE.rule("Leave out what cannot be read, and give each reading its unit.")
def meters_read(bench: HardwareBench) -> None:
    """Its meters start and stop, and read finite values with units."""
    meters = bench.present.meters()
    if not meters:
        raise SkipTest("It has no meters here.")
    for meter in meters:
        meter.start()
        for name, reading in meter.stop().items():
            if not math.isfinite(reading.value) or not reading.unit:
                raise CheckFailed(f"{name} reads {reading}.")


@HARDWARE.rule("Provide a runtime for its kind of device.")
def something_runs_on_it(bench: HardwareBench) -> None:
    """A runtime takes its kind of device, and `synchronise` works."""
    kind = bench.present.device_type
    if not any(kind in runtime.devices for runtime in bench.plugins.runtimes.values()):
        raise CheckFailed(f"No runtime runs on {kind!r} devices.")
    bench.present.synchronise()


class RuntimeBench:
    """A runtime and a model that it can serve."""

    def __init__(self, runtime: Runtime, plugins: Plugins, folder: Path) -> None:
        self.runtime = runtime
        self._plugins = plugins
        self._folder = folder

    @cached_property
    def model(self) -> ModelBench:
        """A model that it can serve on a CPU, with other answers until its artifact is loaded."""
        if "cpu" not in self.runtime.devices:
            raise SkipTest(f"It runs on {', '.join(self.runtime.devices)} only.")
        for model in self._candidates():
            bench = ModelBench(model, self._plugins, self._folder / self.runtime.name)
            if _must_be_loaded(bench):
                return bench
        raise SkipTest("No installed model can be served by it.")

    def _candidates(self) -> list[Model]:
        """Return the models that it takes, the probably fast ones first."""
        baselines = {task.baseline for task in self._plugins.tasks.values()}
        form = self.runtime.format
        models = [model for model in self._plugins.models.values() if form is None or form in model.formats]
        return sorted(models, key=lambda model: (model.name not in baselines, model.pretraining is not None))


def _must_be_loaded(bench: ModelBench) -> bool:
    """Return whether an unloaded learner of another seed gives other answers to every input, or none.

    A model that cannot be trained here says nothing about a runtime either: False.
    """
    if bench.model.draws_answers:
        return False
    try:
        trained = bench.answers
    except Exception:  # noqa: BLE001 - a model of any plugin may raise anything; no data is a SkipTest
        return False
    try:
        untrained = answered(bench.learner(seed=OTHER_SEED), bench.inputs)
    except Exception:  # noqa: BLE001 - likewise
        return True
    return all(distance(*pair) > EXPORTED for pair in zip(untrained, trained, strict=True))


@RUNTIME.rule("Fill in what is missing; harness/seams says what each field is.")
def runtime_declaration(bench: RuntimeBench) -> None:
    """Summary, devices and precisions are there."""
    demand_declaration(bench.runtime)
    if not bench.runtime.devices or not bench.runtime.precisions:
        raise CheckFailed("devices or precisions are missing.")


def _opened(bench: RuntimeBench) -> Predict:
    """Return a predictor of the model, exported if the runtime needs that."""
    model, exported = bench.model, None
    if bench.runtime.format is not None:
        exported = model.folder()
        learner = model.learner()
        learner.load(model.artifact)
        bench.runtime.export(model.model, learner, model.artifact, model.inputs, exported)
    return bench.runtime.predictor(model.model, model.assignment(OTHER_SEED), model.artifact, exported)


@RUNTIME.rule("Load the trained (or exported) artifact and answer as the model's learner does.")
def serves(bench: RuntimeBench) -> None:
    """A model's answers in it equal those of its learner."""
    model, predict = bench.model, _opened(bench)
    demand_equal(
        list(predict(model.inputs)), model.answers, f"Model {model.model.name} has other answers in it", EXPORTED
    )


@RUNTIME.rule("Compute each answer anew: answers kept from earlier calls would be timed in its place.")
def serves_no_kept_answers(bench: RuntimeBench) -> None:
    """A new input takes no longer than a repeated one."""
    demand_no_cache(_opened(bench), bench.model.task[1].queries())


@RUNTIME.rule("Raise harness.Unsupported that names what is missing.")
def refuses_what_was_not_exported(bench: RuntimeBench) -> None:
    """Without the exported form that it needs it raises an error."""
    if bench.runtime.format is None:
        raise SkipTest("It needs no exported form.")
    model = bench.model
    try:
        bench.runtime.predictor(model.model, model.assignment(), model.artifact, None)
    except (Unsupported, PluginError):
        return
    raise CheckFailed("It opened a model that was not exported.")
