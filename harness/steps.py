"""What a worker does for each kind of step: from spec, input artifacts and seed to what a record holds."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import plain
from harness.artifacts import size_bytes
from harness.environment import seed_libraries
from harness.errors import PluginError, Unsupported
from harness.grading import checked, columns, described, grade, items, kept
from harness.inference import first_token_s, open_predictor, serve, serve_arrivals
from harness.measure.caching import audit, hold_back
from harness.measure.draw import Draw
from harness.measure.load import has_runs, rows_of, run_of
from harness.measure.meters import ProcessMeter, window
from harness.measure.outputs import checking
from harness.measure.runs import Run
from harness.plugins import Plugins
from harness.reading import HowRead
from harness.records import StepResult
from harness.sampling import in_words, sampled
from harness.seams import (
    Assignment,
    BilledPredictor,
    Budget,
    Data,
    Grades,
    Hardware,
    Learner,
    Meter,
    Model,
    Predict,
    Reading,
    Runtime,
    Spend,
    StreamingPredictor,
    Task,
)
from harness.settings import all_settings
from harness.training import Report, train

if TYPE_CHECKING:
    from harness.parallel import Team  # not run-time: what starts and tells processes does not change what they compute

CHECKED_INPUTS = 32
Rows = list[Mapping[str, Any]]
"""What each call consumed, of a model that is billed."""


@dataclass(frozen=True)
class Job:
    """One step as it crosses into a worker."""

    kind: str
    spec: dict[str, Any]
    inputs: dict[str, Path]
    """Role → folder of the artifact to read."""
    output: Path
    """An empty folder for the artifact to write."""
    plugin_files: tuple[str, ...] = ()
    basis: dict[str, Any] = field(default_factory=dict)
    """What the plan says that the result rests on."""
    files: Mapping[Path, str] = field(default_factory=dict)
    """The files that its sources were read from → SHA-256 of their bytes."""
    attempts: Path | None = None
    """Where an attempt finds what earlier ones left, and leaves what the next one needs; it need not exist."""
    spend: Spend | None = None
    """What its calls may cost; None where they are not paid one by one, or have no cap."""


def _read(result: StepResult, **values: float) -> None:
    """Keep values whose unit is the last part of their name."""
    _take(result, {name: Reading(float(value), _unit(name)) for name, value in values.items()})


def _take(result: StepResult, readings: Mapping[str, Reading]) -> None:
    """Keep readings.

    Raises:
        PluginError: something of that name was read already.
    """
    if twice := sorted(result.readings.keys() & readings.keys()):
        raise PluginError(f"{', '.join(twice)} was read already. Give your reading or unit another name.")
    result.readings.update(readings)


def _plain(result: StepResult) -> StepResult:
    """Return the same in plain values; readings, samples, items and answers are plain from the start.

    Raises:
        PluginError: names the field that holds what a record cannot hold.
    """
    names = ("used", "data_digest", "series", "scores", "metrics", "baseline", "notes")
    made: dict[str, Any] = {name: plain.nested(getattr(result, name), name) for name in names}
    return replace(result, **made)


def _unit(name: str) -> str:
    units = {"s": "s", "bytes": "B", "j": "J"}
    return units.get(name.rpartition("_")[2], "count")


@dataclass(frozen=True)
class Scene:
    """Everything a step's function needs, looked up."""

    job: Job
    task: Task
    data: Data
    model: Model
    hardware: Hardware
    runtime: Runtime | None
    report: Report
    opened: ExitStack = field(default_factory=ExitStack)
    """Closed when the step has ended."""
    team: Team | None = None
    """The processes that do the step together, if they are several."""

    def assignment(self) -> Assignment:
        """Return the learner's assignment."""
        spec, budget = self.job.spec, Budget(**self.job.spec.get("budget", {}))
        return Assignment(
            stage="pretrain" if self.job.kind == "pretrain" else "finetune",
            data=self.data if budget.labels is None else self.data.with_labels(budget.labels),
            size=spec["size"],
            settings=all_settings(spec),
            device=self.hardware.device,
            precision=spec["precision"],
            seed=spec["seed"],
            budget=budget,
            start=self.job.inputs.get("pretrained"),
            pretrained=spec["start"] != "scratch",
            as_is=spec["start"] == "as-is",
            attempts=self.job.attempts if self.job.kind == "evaluate" else None,
            spend=self.job.spend,
        )

    def chosen_runtime(self) -> Runtime:
        """Return the runtime; the plan gives one to every step that needs it."""
        if self.runtime is None:
            raise LookupError(f"A step {self.job.kind!r} was planned without a runtime.")
        return self.runtime

    def meters(self) -> list[Meter]:
        """Return the meters of one window."""
        if self.team is None:
            process, read = ProcessMeter(), self.hardware.meters()
        else:
            process = ProcessMeter(self.team.processor_s, self.team.pids)
            read = self.hardware.meters_of(self.team.devices)
        meters = plain.listed(read, "Hardware.meters()", "a list of harness.Meter, which may be empty")
        return [process, *(plain.instance(meter, Meter, "Hardware.meters()[…]") for meter in meters)]

    def learner(self, assignment: Assignment) -> Learner:
        """Return a new learner of the model."""
        made: Learner = plain.instance(self.model.learner(assignment), Learner, "Model.learner()")
        return made

    def trainee(self, assignment: Assignment) -> Learner:
        """Return the learner to train, which leads those of the other processes.

        Raises:
            Unsupported: the model is trained in one process, and there are others.
        """
        if self.team is None:
            return self.learner(assignment)
        self.opened.enter_context(self.team.joined())
        learner = self.learner(replace(assignment, device=self.team.devices[0]))
        if not learner.data_parallel():
            raise Unsupported(
                f"{self.model.name} is trained in one process. Give it a budget of its own in the suite, without "
                "`processes`."
            )
        return self.team.lead(learner)

    def queries(self) -> Sequence[Any]:
        """Return the inputs for load generation."""
        inputs: Sequence[Any] = plain.sequence(self.data.queries(), "Data.queries()")
        return inputs


def perform(job: Job, plugins: Plugins, report: Report, team: Team | None = None) -> StepResult:
    """Do a step, alone or as the first of a team, and return what was measured, in plain values.

    Raises:
        PluginError: a plugin gave something that a record cannot hold, or removed the folder it writes into.
    """
    with ExitStack() as opened:
        scene, result = prepare(job, plugins, report, opened)
        scene = replace(scene, team=team)
        STEPS[job.kind](scene, result)
    if not job.output.is_dir():
        raise PluginError("The folder to write into is gone. Write into it, and do not move or remove it.")
    return _plain(result)


def prepare(job: Job, plugins: Plugins, report: Report, opened: ExitStack) -> tuple[Scene, StepResult]:
    """Seed the libraries, load the data and look up what the step needs."""
    spec = job.spec
    seed_libraries(spec["seed"])
    task: Task = plugins.find("tasks", spec["task"])
    runtime = plugins.find("runtimes", spec["runtime"]) if "runtime" in spec else None
    began = time.perf_counter()
    data: Data = plain.instance(task.data(spec["source"], spec["task_settings"]), Data, "Task.data()")
    scene = Scene(
        job,
        task,
        data,
        plugins.find("models", spec["model"]),
        plugins.find("hardware", spec["hardware"]),
        runtime,
        report,
        opened,
    )
    result = StepResult(
        outcome="ok",
        used=dict(_sizes(data)),
        data_digest=plain.text(data.digest, "Data.digest"),
        baseline=task.baseline if job.kind == "evaluate" else None,
    )
    _read(result, data_s=time.perf_counter() - began)
    if job.kind in ("finetune", "evaluate"):
        result.notes.extend(
            plain.listed(scene.model.check(data, all_settings(spec), spec["start"]), "Model.check()", "texts")
        )
    if job.spend is not None:
        result.used["spend_cap_usd"] = job.spend.cap_usd
    if not scene.hardware.bit_reproducible:
        result.notes.append(f"On {scene.hardware.name} another run with this seed may differ in the last bits.")
    return scene, result


def _sizes(data: Data) -> dict[str, int]:
    return {f"{split}_items": count for split, count in plain.counts(data.sizes, "Data.sizes").items()}


def _train(scene: Scene, result: StepResult) -> None:
    began = time.perf_counter()
    assignment = scene.assignment()
    result.used.update(_sizes(assignment.data))
    learner = scene.trainee(assignment)
    learner.prepare()
    scene.hardware.synchronise()
    _read(result, build_s=time.perf_counter() - began)
    with window(scene.meters(), scene.hardware.synchronise) as read:
        training = train(
            learner, assignment.budget, scene.data, scene.task.metrics[0], scene.hardware.synchronise, scene.report
        )
    learner.save(scene.job.output)
    _take(result, read)
    _read(
        result,
        wall_s=training.wall_s,
        first_step_s=training.step_s[0],
        validation_s=training.validation_s,
        steps=training.steps,
        artifact_bytes=size_bytes(scene.job.output),
    )
    _read(result, **training.consumed)
    _read_parameters(learner, result)
    if scene.job.kind == "finetune":
        _read_flops(scene, learner, result)
    result.series.update({"step_s": training.step_s, **training.losses})
    if training.quality:
        result.series[f"validation_{scene.task.metrics[0].name}"] = training.quality
    result.used["stopped_by"] = training.stopped_by
    if scene.team is not None:
        result.used["processes"] = len(scene.team.devices)
    if training.stopped_by == "seconds":
        result.notes.append("The clock ended this training: another run may take another number of steps and differ.")


def _read_parameters(learner: Learner, result: StepResult) -> None:
    if (parameters := learner.parameters()) is not None:
        _read(result, parameters=plain.count(parameters, "Learner.parameters()"))


def _read_flops(scene: Scene, learner: Learner, result: StepResult) -> None:
    inputs = list(scene.queries()[:CHECKED_INPUTS])
    if (flops := learner.flops(inputs)) is not None:
        each = plain.count(flops, "Learner.flops()") / len(inputs)
        _take(result, {"forward_flops_per_sample": Reading(each, "FLOP")})


def _export(scene: Scene, result: StepResult) -> None:
    runtime = scene.chosen_runtime()
    trained = scene.job.inputs.get("trained")
    learner = scene.learner(scene.assignment())
    if trained is None:  # as it is: the export has beside it what its codec reads
        trained = scene.job.output
        learner.save(trained)
    else:
        learner.load(trained)
    inputs = list(scene.queries()[:CHECKED_INPUTS])
    with window(scene.meters(), scene.hardware.synchronise) as read:
        began = time.perf_counter()
        checks = runtime.export(scene.model, learner, trained, inputs, scene.job.output)
        wall_s = time.perf_counter() - began
    _take(result, read)
    _take(result, plain.readings(checks, "Runtime.export()"))
    _read(result, wall_s=wall_s, artifact_bytes=size_bytes(scene.job.output))


def _open(scene: Scene) -> Callable[[], Predict]:
    runtime, job = scene.chosen_runtime(), scene.job

    def opened() -> Predict:
        exported = job.inputs.get("exported")
        made = runtime.predictor(scene.model, scene.assignment(), job.inputs.get("trained", exported), exported)
        if not callable(made):
            raise PluginError(f"Runtime.predictor() is a {type(made).__name__}. Give a function of a batch of inputs.")
        if isinstance(made, BilledPredictor):
            scene.opened.callback(made.close)
        return made

    return opened


def _evaluate(scene: Scene, result: StepResult) -> None:
    data = _items_of(scene, "test", result)
    predict = _open(scene)()
    with window(scene.meters(), scene.hardware.synchronise) as read:
        began = time.perf_counter()
        grades = grade(predict, data, scene.job.spec["batch_size"])
        wall_s = time.perf_counter() - began
    _take(result, read)
    _keep_usage(predict, "test", items(grades.scores), result)
    grades = checked(grades)
    result.scores.update({name: list(column) for name, column in grades.scores.items()})
    result.used.update(plain.nested(plain.named(grades.used, "Grades.used"), "Grades.used"))
    if scene.data.how_read is not None:
        result.used["how_read"] = plain.instance(scene.data.how_read, HowRead, "Data.how_read").plain()
    if not data.repeatable():
        result.used["repeatable"] = False
    if data.all_alike():
        result.used["all_alike"] = True
    result.metrics.extend(described(scene.task, data, grades))
    _keep_answers(data, "test", grades, result)
    if scene.job.spec.get("validation"):
        part = _items_of(scene, "validation", result)
        validated = checked(grade(predict, part, scene.job.spec["batch_size"], "validation"))
        _keep_usage(predict, "validation", items(validated.scores), result)
        answers = {**validated.answers, **validated.scores}
        _keep_answers(part, "validation", validated._replace(answers=answers), result)
    _read(result, wall_s=wall_s, items=items(grades.scores))
    if isinstance(predict, BilledPredictor):  # samples would be paid for, and its size is not known
        return
    result.samples.extend(kept(data.show(checking(predict))))
    if scene.job.spec["start"] == "as-is":  # no training tells its size
        del predict  # a large network need not fit in memory twice
        learner = scene.learner(scene.assignment())
        _read_parameters(learner, result)
        _read_flops(scene, learner, result)


def _items_of(scene: Scene, split: str, result: StepResult) -> Data:
    """Return the data with what is evaluated of a split; a record says where that is a sample."""
    data, sample = sampled(scene.data, split, scene.job.spec)
    if sample is not None:
        result.used.setdefault("sample", {})[split] = sample
        result.notes.append(f"Evaluated on {in_words(sample)}, of {split}.")
    return data


def _keep_answers(data: Data, split: str, grades: Grades, result: StepResult) -> None:
    """Keep what was asked and answered, where the data say it."""
    count = items(grades.scores)
    if questions := columns(data.items(split), count, "Data.items()"):
        result.items[split] = questions
    if answers := columns(grades.answers, count, "Grades.answers"):
        result.answers[split] = answers


def _keep_usage(predict: Predict, split: str, count: int, result: StepResult) -> None:
    """Keep what each answer consumed, where the predictor says it."""
    consumed = getattr(predict, "usage", None)
    if consumed is None:
        return
    result.usage[split] = usage = columns(consumed(), count, f"{type(predict).__name__}.usage()")
    if versions := sorted({str(name) for name in usage.get("model", ()) if name is not None}):
        days = sorted({str(time)[:10] for time in usage.get("asked_at", ()) if time is not None})
        between = " to ".join(dict.fromkeys(days[:1] + days[-1:]))
        result.notes.append(f"The answers to {split} are by {', '.join(versions)}{between and f', of {between}'}.")
    if whys := Counter(why for why in usage.get("why", ()) if why is not None):
        listed = ", ".join(f"{number} {why}" for why, number in whys.most_common())
        result.notes.append(f"Of {count} answers of {split}, {whys.total()} are none and count as wrong: {listed}.")


def _serve(scene: Scene, result: StepResult) -> None:
    spec, synchronise = scene.job.spec, scene.hardware.synchronise
    inputs, unseen = hold_back(scene.queries(), spec["seed"])
    predict, load_s, first_query_s = open_predictor(_open(scene), inputs, synchronise)
    _read(result, load_s=load_s, first_query_s=first_query_s)
    billed = rows_of(predict)
    if isinstance(predict, BilledPredictor):  # each call is paid: no audit, and no input twice while they last
        inputs, unseen = [*inputs[1:], *unseen] or inputs, []
    if has_runs(spec["scenario"], predict):
        billed += _serve_arrivals(scene, result, predict, inputs)
    else:
        billed += _serve_in_turn(scene, result, predict, inputs)
    if billed:
        names = dict.fromkeys(name for row in billed for name in row)
        result.usage["served"] = {name: [row.get(name) for row in billed] for name in names}
    compared = audit(predict, inputs, unseen, synchronise, spec["load"]["seconds"])
    if compared is not None:
        _take(result, {"unseen_over_repeated": Reading(compared.ratio, "1")})
        result.used["caches_answers"] = compared.caches
    if isinstance(predict, StreamingPredictor) and spec["scenario"] == "SingleStream":
        result.series["first_token_s"] = first_token_s(predict, inputs, spec, synchronise)


def _serve_in_turn(scene: Scene, result: StepResult, predict: Predict, inputs: Sequence[Any]) -> Rows:
    """Serve queries of which each follows the answer to the last one; return what each call consumed."""
    spec = scene.job.spec
    draw = Draw(inputs, spec["seed"]) if isinstance(predict, BilledPredictor) else None
    load, work = serve(predict, draw or inputs, spec, scene.hardware, scene.meters, scene.data.work)
    _take(result, load.readings)
    _read(result, wall_s=load.wall_s, overhead_s=load.overhead_s, samples=load.samples, queries=load.queries, **work)
    result.series["latency_s"] = load.latency_s
    result.used["load_generator"] = load.log
    if draw is not None:
        result.used["load"] = draw.described()
    if spec["scenario"] == "MultiStream":
        _keep_runs(result, [run_of(load, spec["batch_size"], repeats=draw is None or draw.repeats)])
    return rows_of(predict)


def _serve_arrivals(scene: Scene, result: StepResult, predict: Predict, inputs: Sequence[Any]) -> Rows:
    """Serve requests of which several are in flight; return what each consumed."""
    loaded, work = serve_arrivals(predict, inputs, scene.job.spec, scene.hardware, scene.meters, scene.data.work)
    run = loaded.run
    result.used["load"], result.used["load_generator"] = loaded.used, dict(run.log)
    _keep_runs(result, loaded.runs)
    if "search" in loaded.used and loaded.used["search"]["rate_per_s"] is None:
        result.notes.append("No rate that was tried keeps the limits.")
    if run.why_not is not None:  # then there is no speed
        result.notes.append(f"No run counts. {run.name}: {run.why_not}.")
        return loaded.usage
    _take(result, run.readings)
    _read(result, wall_s=run.wall_s, samples=len(run.answered), queries=len(run.served), **work)
    result.series["latency_s"] = run.latency_s
    return loaded.usage


def _keep_runs(result: StepResult, runs: Sequence[Run]) -> None:
    """Keep every request of every run; a rate that was tried again gets a number."""
    result.used["runs"] = []
    for run in runs:
        again = sum(run.name == one.name for one in runs[: len(result.runs)])
        name = f"{run.name} ({again + 1})" if again else run.name
        result.runs[name] = run.columns()
        result.used["runs"].append({**run.described(), "name": name})


STEPS: Mapping[str, Callable[[Scene, StepResult], None]] = {
    "pretrain": _train,
    "finetune": _train,
    "export": _export,
    "evaluate": _evaluate,
    "serve": _serve,
}
