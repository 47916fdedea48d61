"""Suite files: YAML with a schema; errors name the line."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from harness.encodings import read_text
from harness.errors import DataError, SuiteError, unknown
from harness.names import RULE, is_data_name
from harness.paths import FILE_LIKE
from harness.seams import Budget
from harness.seams.model import START
from harness.yaml_text import RefusedError, compose, line_of, load, quotes_wanted

AXES = ("model", "size", "start", "task", "hardware", "runtime", "precision", "batch_size", "scenario", "seed")
"""What `include` and `exclude` may match on."""
YAML = (".yaml", ".yml")
_NUMBERS = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
}
"""Type of pydantic's error → what is wanted."""
MOST_REQUESTS = 1_000_000
"""In a run: each is kept, and its input is made before it."""
LARGEST_SEED = 2**32 - 1
"""What every library takes: numpy's global generator has the smallest range."""


def _no_flag(value: Any) -> Any:
    """Return the value unless it is a bool, which pydantic takes as 0 or 1."""
    if isinstance(value, bool):
        raise ValueError(f"a number is asked for, and YAML reads this as {str(value).lower()}")  # noqa: TRY004
    return value


def _in_range(seed: int) -> int:
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"{seed} is no seed; give a whole number from 0 to {LARGEST_SEED}")
    return seed


Whole = Annotated[int, BeforeValidator(_no_flag)]
Positive = Annotated[Whole, Field(gt=0)]
Real = Annotated[float, BeforeValidator(_no_flag), Field(allow_inf_nan=False)]
Above0 = Annotated[Real, Field(gt=0)]
Seed = Annotated[Whole, AfterValidator(_in_range)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BudgetEntry(_Strict):
    """When training stops: at the first limit reached."""

    steps: Positive | None = None
    samples: Positive | None = None
    seconds: Above0 | None = None
    quality: Real | None = None
    check_every_steps: Positive = 50
    labels: Positive | None = None
    processes: Positive = 1

    @model_validator(mode="after")
    def _has_a_limit(self) -> BudgetEntry:
        if self.steps is None and self.samples is None and self.seconds is None:
            raise ValueError("set steps, samples or seconds; a quality target needs one of them as its limit")
        return self

    def budget(self) -> Budget:
        """Return it as `harness.seams` defines it."""
        return Budget(**self.model_dump())


class Budgets(_Strict):
    """Training budgets; a model without pretraining ignores `pretrain`."""

    pretrain: BudgetEntry | None = None
    finetune: BudgetEntry | None = None

    @model_validator(mode="after")
    def _pretraining_needs_no_labels(self) -> Budgets:
        if self.pretrain is not None and self.pretrain.labels is not None:
            raise ValueError("a pretraining reads no labels; set `labels` for finetune")
        return self


class SuiteBudgets(Budgets):
    """Budgets of a suite."""

    spend_usd: Above0 | None = None
    """What all calls that have a price may cost together, in all runs of these steps on one store."""


class Evaluate(_Strict):
    """What is evaluated beside the test split."""

    validation: bool = False
    """Whether the answers to the validation split are kept too, for thresholds that are chosen on it."""
    max_items: Positive | None = None
    """The most items of a split; of more, a sample, the same for every model."""


class RequestLimits(_Strict):
    """The longest times of a request, in seconds; None where there is no limit."""

    first_token_s: Above0 | None = None
    per_token_s: Above0 | None = None
    latency_s: Above0 | None = None


class Serve(_Strict):
    """How long load generation lasts, until both minimums are reached; the rest is for scenarios with arrivals."""

    seconds: Above0 = 2.0
    queries: Annotated[Positive, Field(le=MOST_REQUESTS)] = 100
    rates: tuple[Above0, ...] = ()
    """Requests per second, a run for each; without any the highest one that keeps the limits is searched."""
    limits: RequestLimits = RequestLimits()
    percentile: Annotated[Real, Field(gt=0, lt=100)] = 99
    """So many of 100 requests have to keep every limit."""
    longest_wait_s: Annotated[Real, Field(ge=0)] = 0.01
    """How long a request waits in the process for others to be answered with."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if (most := max((rate * self.seconds for rate in self.rates), default=0)) > MOST_REQUESTS:
            raise ValueError(
                f"{most:,.0f} requests in a run, of {self.seconds:g} seconds at the highest of the rates; at most "
                f"{MOST_REQUESTS:,} are sent"
            )
        return self

    def load(self, scenario: str) -> dict[str, Any]:
        """Return the keys that a scenario uses: a step is not measured again for others."""
        closed = {"seconds": self.seconds, "queries": self.queries}
        return self.model_dump() | closed if scenario == "Server" else closed


class Limits(_Strict):
    """What a step may use; beyond it the worker and all that it started are killed."""

    time_s: Above0 = 1800
    memory_gb: Above0 | None = None
    """GiB of all processes of the step; by default 95 % of what the machine or the container has."""
    artifact_gb: Above0 | None = None
    """GiB of files that it leaves for other steps; by default what the disk has room for."""


class _Entry(_Strict):
    """A model or a task of a suite."""

    _place: str = PrivateAttr("")
    """Its file and line; empty for one of the command line."""

    def error(self, sentence: str) -> SuiteError:
        """Return an error that names the file and the line of the entry."""
        return SuiteError(f"{self._place}: {sentence}" if self._place else sentence)

    def place_at(self, place: str) -> None:
        """Note the file and the line."""
        self._place = place


class ModelEntry(_Entry):
    """A model in a size, with its own settings and budgets if it needs them."""

    name: str
    size: str | None = None
    tasks: tuple[str, ...] = ()
    """Only for these tasks of the suite; a model may have an entry for each."""
    settings: dict[str, Any] = {}
    budgets: Budgets = Budgets()


class TaskEntry(_Entry):
    """A task, on its default data or on a local file, folder or hub data set."""

    name: str
    data: str | None = None
    data_name: str | None = None
    """The name of the data; by default after their file, folder or id."""
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _a_name_is_of_data(self) -> TaskEntry:
        if self.data_name is not None and self.data is None:
            raise ValueError("`data_name` names data of your own; give `data` as well")
        if self.data_name is not None and not is_data_name(self.data_name):
            raise ValueError(f"data cannot have the name {self.data_name!r}. {RULE}")
        return self


class Suite(_Strict):
    """Models × tasks × hardware × runtimes × precisions × batch sizes × scenarios × seeds."""

    name: str
    description: str = ""
    parts: tuple[str, ...] = ()
    """Suites whose models and tasks come before this one's."""
    models: tuple[ModelEntry, ...] = Field((), validate_default=True)
    tasks: tuple[TaskEntry, ...] = Field((), validate_default=True)
    hardware: tuple[str, ...] = Field(("cpu",), min_length=1)
    runtimes: tuple[str, ...] = Field(("eager",), min_length=1)
    precisions: tuple[str, ...] = Field(("fp32",), min_length=1)
    batch_sizes: tuple[Positive, ...] = Field((32,), min_length=1)
    scenarios: tuple[str, ...] = Field(("Offline",), min_length=1)
    starts: tuple[START, ...] = Field(("pretrained",), min_length=1)
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)
    include: tuple[dict[str, Any], ...] = ()
    exclude: tuple[dict[str, Any], ...] = ()
    budgets: SuiteBudgets = SuiteBudgets()
    """Of what is trained; a suite that trains nothing needs none."""
    evaluate: Evaluate = Evaluate()
    serve: Serve = Serve()
    limits: Limits = Limits()

    @field_validator("models", "tasks", mode="before")
    @classmethod
    def _names_are_entries(cls, entries: Any) -> Any:
        if not isinstance(entries, list | tuple):
            return entries
        return [{"name": entry} if isinstance(entry, str) else entry for entry in entries]

    @field_validator("models", "tasks")
    @classmethod
    def _something_is_asked(cls, entries: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        if not entries and not info.data.get("parts"):
            raise ValueError("name at least one")
        return entries

    @field_validator("include", "exclude")
    @classmethod
    def _only_axes(cls, rules: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for key, value in (item for rule in rules for item in rule.items()):
            if key not in AXES:
                raise ValueError(unknown("key", key, AXES))
            flags = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, bool)]
            if flags:  # Python's True is 1, which is a seed and a batch size
                raise ValueError(f"{key} is {value!r}, and no case has that; YAML reads a bare yes or no so")
        return rules


def read_suite(name_or_path: str) -> tuple[Suite, Source]:
    """Read a suite of the harness by its name, or a file, with the models and tasks of its parts.

    Raises:
        SuiteError: it does not exist or has a fault; names file and line.
    """
    source = _source(name_or_path)
    suite = source.validate()
    parts = [_part(name, suite, source) for name in suite.parts]
    models, tasks = (sum((getattr(one, key) for one in [*parts, suite]), ()) for key in ("models", "tasks"))
    return suite.model_copy(update={"models": models, "tasks": tasks}), source


def _part(name: str, suite: Suite, source: Source) -> Suite:
    try:
        part = _source(name).validate()
    except SuiteError as error:
        raise source.error(("parts", suite.parts.index(name)), str(error)) from None
    if part.parts:
        raise source.error(("parts", suite.parts.index(name)), f"{name!r} has parts itself. Name those instead.")
    return part


def _source(name_or_path: str) -> Source:
    path = Path(name_or_path)
    shipped = {
        file.name.removesuffix(".yaml"): file
        for file in resources.files("harness.suites").iterdir()
        if file.name.endswith(".yaml")
    }
    if name_or_path in shipped:
        return Source(name_or_path, shipped[name_or_path].read_text(encoding="utf-8"))
    if path.is_dir() or (path.is_file() and path.suffix.lower() in FILE_LIKE and path.suffix not in YAML):
        raise SuiteError(f"{name_or_path!r} is no suite. If these are your data: harness run --data {name_or_path}")
    if path.is_file():
        return Source(str(path), _read(path))
    if path.suffix in YAML:
        raise SuiteError(f"There is no file {name_or_path!r}. Suites that come along: {', '.join(sorted(shipped))}.")
    raise SuiteError(unknown("suite", name_or_path, shipped) + " Or give the path of a YAML file.")


def read_value(text: str) -> Any:
    """Parse a value of the command line as YAML."""
    try:
        return load(text)
    except yaml.YAMLError as error:
        raise SuiteError(f"The value {text!r:.60} cannot be read: {getattr(error, 'problem', error)}.") from None


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, DataError) as error:
        raise SuiteError(f"Suite {str(path)!r} cannot be read: {str(error).removesuffix('.')}.") from error


class Source:
    """A suite's text: finds the line of a key, so that an error can point at it."""

    def __init__(self, label: str, text: str) -> None:
        self.label = label
        try:
            self._root = compose(text)
            self._body = load(text)
        except yaml.YAMLError as error:
            mark, why = getattr(error, "problem_mark", None), getattr(error, "problem", error)
            where = f", line {mark.line + 1}" if mark else ""
            no_yaml = "" if isinstance(error, RefusedError) else "this is not YAML: "
            raise SuiteError(f"Suite {label!r}{where}: {no_yaml}{why}.") from error
        if not isinstance(self._body, dict):
            raise SuiteError(
                f"Suite {label!r} is empty or no mapping. Begin with `name:`, `models:`, `tasks:`, `budgets:`."
            )

    def validate(self) -> Suite:
        """Return the suite, or raise a `SuiteError` with every fault and its line."""
        try:
            return self._placed(Suite.model_validate(self._body))
        except ValidationError as error:
            # A list that is empty only since its items are wrong is no fault of its own.
            places = {fault["loc"][:end] for fault in error.errors() for end in range(len(fault["loc"]))}
            faults = [self._sentence(fault) for fault in error.errors() if fault["loc"] not in places]
            raise SuiteError("\n".join(dict.fromkeys(faults))) from None

    def _placed(self, suite: Suite) -> Suite:
        """Return the suite, whose entries know their lines from now on: the command line may take only some."""
        for key, entries in (("models", suite.models), ("tasks", suite.tasks)):
            for index, entry in enumerate(entries):
                entry.place_at(self._place((key, index)))
        return suite

    def error(self, path: tuple[str | int, ...], sentence: str) -> SuiteError:
        """Return an error that names the line of `path`."""
        return SuiteError(f"{self._place(path)}: {sentence}")

    def _place(self, path: tuple[str | int, ...]) -> str:
        return f"Suite {self.label!r}, line {self.line(path)}"

    def line(self, path: tuple[str | int, ...]) -> int:
        """Return the line (from 1) of a key, or of its deepest parent in the text."""
        return line_of(self._root, path)

    def _sentence(self, fault: Any) -> str:
        path = tuple(fault["loc"])
        key = str(path[-1]) if path else ""
        if fault["type"] == "extra_forbidden":
            sentence = unknown("key", key, _keys_at(path[:-1]))
        elif fault["type"] == "missing":
            sentence = f"The key {key!r} is missing."
        elif remedy := _remedy(fault, path):
            sentence = f"{'.'.join(map(str, path))} is {fault['input']!r}. {remedy}"
        else:
            sentence = f"{'.'.join(map(str, path))}: {fault['msg'].removeprefix('Value error, ')}."
        return str(self.error(path, sentence.replace("..", ".")))


def _remedy(fault: Any, path: tuple[str | int, ...]) -> str:
    """Return what to write in place of a value of another type; empty if the fault is of another kind."""
    value, of_type = fault["input"], fault["type"]
    is_entry = path[:1] in (("models",), ("tasks",)) and len(path) == 2  # noqa: PLR2004 - the key and the index
    if of_type == "string_type" or (of_type == "model_type" and is_entry):
        return quotes_wanted(value)
    if of_type == "literal_error":
        return quotes_wanted(value) or unknown(str(path[0]).removesuffix("s"), str(value), get_args(START))
    if of_type == "tuple_type":
        return f"Write a list: [{'…' if value is None else ', '.join(value) if isinstance(value, dict) else value}]."
    if of_type in ("model_type", "dict_type"):
        return f"Write a mapping{_form(path, value)}."
    return f"Give {_NUMBERS[of_type]}." if of_type in _NUMBERS else ""


def _form(path: tuple[str | int, ...], value: Any) -> str:
    """Return how a mapping is written in place of a value."""
    if path[0] in ("include", "exclude"):
        return f": {{model: {value}}}"
    return ": {NAME: VALUE}" if path[-1] == "settings" else f" with keys of these: {', '.join(_keys_at(path))}"


def _keys_at(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that are allowed at a place in a suite."""
    places: dict[tuple[str, ...], type[BaseModel]] = {
        (): Suite,
        ("models",): ModelEntry,
        ("models", "budgets"): Budgets,
        ("tasks",): TaskEntry,
        ("budgets",): SuiteBudgets,
        ("evaluate",): Evaluate,
        ("serve",): Serve,
        ("serve", "limits"): RequestLimits,
        ("limits",): Limits,
    }
    names = tuple(str(part) for part in path if not isinstance(part, int))
    return list(places.get(names, BudgetEntry).model_fields)
