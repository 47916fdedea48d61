"""The checks of a model: its answers, its artifact, its seeds."""

from __future__ import annotations

from pathlib import Path
from unittest import SkipTest

from harness.environment import seed_libraries
from harness.grading import grade, lacking
from harness.measure.outputs import finite
from harness.testing.bench import INPUTS, ModelBench, answered
from harness.testing.compare import demand_no_cache, distance
from harness.testing.declarations import demand_declaration, demand_settings
from harness.testing.findings import CheckFailed, Rules

UNSAFE = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npz")
"""Suffixes of files that usually hold pickles."""
PICKLE = b"\x80"
"""The opcode with which pickles of protocol 2 and later begin."""

MODEL: Rules[ModelBench] = Rules()


@MODEL.rule("Fill in what is missing; harness/seams says what each field is.")
def declaration(bench: ModelBench) -> None:
    """Name, summary, kinds, sizes, formats and settings are there and make sense."""
    model = bench.model
    demand_declaration(model)
    demand_settings(model.settings)
    for field in ("kinds", "sizes"):
        values = getattr(model, field)
        if not values or isinstance(values, str) or len(set(values)) != len(values):
            raise CheckFailed(f"{field} is {values!r}: give a tuple of one or more distinct names.")


@MODEL.rule("Build from `assignment` alone: `data`, `size`, `settings`, `device`, `seed`.")
def builds(bench: ModelBench) -> None:
    """It builds in its smallest size for every task of its kinds with default data, for pretraining too."""
    _ = bench.task
    for task, data in bench.tasks():
        try:
            bench.learner(data=data)
        except SkipTest:
            raise
        except Exception as error:
            raise CheckFailed(f"For task {task.name}: {type(error).__name__}: {error}") from error
    if bench.model.pretraining is not None:
        _pretrain(bench)


def _pretrain(bench: ModelBench) -> None:
    from dataclasses import replace

    learner = bench.model.learner(replace(bench.assignment(), stage="pretrain", pretrained=False))
    learner.step()
    folder = bench.folder()
    learner.save(folder)
    bench.model.learner(replace(bench.assignment(), start=folder, pretrained=True)).step()


@MODEL.rule("Answer in the form of the task's kind: see `evaluate` of its data.")
def answers_are_graded(bench: ModelBench) -> None:
    """Its outputs are finite, one for each input, and the task can grade them."""
    task, data = bench.task
    if not finite(bench.answers):
        raise CheckFailed("An output is not finite.")
    missing = lacking(task.metrics, grade(bench.shared.predict, data, INPUTS, split="validation"))
    if missing:
        raise CheckFailed(f"The grades lack {', '.join(missing)}.")


@MODEL.rule("Put the network into evaluation mode in `predict`, and draw nothing at random there.")
def steady_answers(bench: ModelBench) -> None:
    """A repeated input has the same answer: dropout is off, nothing is random."""
    second = bench.retrained
    bench.demand_same(second.later, second.repeated, "The same inputs were answered differently", 0)


@MODEL.rule(
    "Let nothing cross between the items of a batch: mask the padding, keep running statistics out of `predict`."
)
def batch_of_one(bench: ModelBench) -> None:
    """An input has the same answer alone and in a batch."""
    alone = [answered(bench.shared, [one])[0] for one in bench.inputs]
    bench.demand_same(alone, bench.answers, "An input alone has another answer than in a batch")


@MODEL.rule("Compute each answer anew: answers kept from earlier calls would be timed in its place.")
def keeps_no_answers(bench: ModelBench) -> None:
    """A new input takes no longer than a repeated one."""
    demand_no_cache(bench.shared.predict, bench.task[1].queries())


@MODEL.rule("Take the batch size from the inputs; nothing may depend on it.")
def uneven_last_batch(bench: ModelBench) -> None:
    """Answers do not depend on the size of the batch."""
    *most, last = bench.inputs
    whole = bench.answers
    bench.demand_same(answered(bench.shared, most), whole[:-1], "A batch with one input less has other answers")
    bench.demand_same(answered(bench.shared, [last, last]), [whole[-1]] * 2, "A batch of two has other answers")


@MODEL.rule("Mask the padding, divide by the number of real items, and cut what is longer than the model can read.")
def longest_input(bench: ModelBench) -> None:
    """The longest input, ten times as long if it is text, has a finite answer, and does not change a short one's."""
    shortest, longest = bench.inputs[0], bench.inputs[-1]
    batch = [shortest, longest * 10 if isinstance(longest, str) else longest, longest]
    answers = answered(bench.shared, batch)
    if not finite(answers):
        raise CheckFailed("A batch of the shortest and the longest input has an output that is not finite.")
    bench.demand_same(
        answers[0], answered(bench.shared, [shortest])[0], "A short input has another answer beside a long one"
    )


@MODEL.rule("Write all that `predict` needs in `save` and read it in `load`; register every layer with the module.")
def save_and_load(bench: ModelBench) -> None:
    """A learner of another seed that loads the artifact has the answers of the one that saved it."""
    loaded = bench.learner(seed=1)
    loaded.load(bench.artifact)
    bench.demand_same(answered(loaded, bench.inputs), bench.answers, "The loaded learner has other answers")


@MODEL.rule("Write numbers with safetensors and the rest as JSON: loading a pickle can run any code.")
def no_pickle(bench: ModelBench) -> None:
    """An artifact holds no pickle."""
    files = [file for file in bench.artifact.rglob("*") if file.is_file()]
    unsafe = [file.name for file in files if file.suffix in UNSAFE or _is_pickle(file)]
    if unsafe:
        raise CheckFailed(f"The artifact holds {', '.join(sorted(unsafe))}.")


def _is_pickle(file: Path) -> bool:
    """Return whether a file begins like a pickle, of protocol 2 or later.

    A file of safetensors begins with the length of its header in eight bytes, of which the first may be the pickle's;
    then follows the header's brace.
    """
    with file.open("rb") as stream:
        begins = stream.read(9)
    return begins.startswith(PICKLE) and begins[8:] != b"{"


@MODEL.rule("Draw from generators that `assignment.seed` seeds, and from no others.")
def same_seed(bench: ModelBench) -> None:
    """Two trainings with one seed have the same answers."""
    bench.demand_same(bench.retrained.first, bench.answers, "A second training with the same seed has other answers")


@MODEL.rule("Seed with `assignment.seed` and nothing else; a fixed seed inside makes all intervals too narrow.")
def another_seed(bench: ModelBench) -> None:
    """Another seed draws other weights."""
    from dataclasses import replace

    seed_libraries(0)
    first, second = (
        dict(bench.module(bench.built(replace(bench.assignment(seed), pretrained=False))).named_parameters())
        for seed in (0, 1)
    )
    if not first:
        raise SkipTest("It has no parameters.")
    if all(distance(weight.detach(), second[name].detach()) == 0 for name, weight in first.items()):
        raise CheckFailed("The weights of seed 0 and seed 1 are the same.")
