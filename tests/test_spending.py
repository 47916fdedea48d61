"""What the calls of a plan cost: said for each step before anything is asked, and refused without a cap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import PluginError, SuiteError
from harness.measure.search import HALVINGS, highest
from harness.plan import Plan
from harness.plugins import Plugins
from harness.seams import Quote
from harness.settings import filled
from harness.spending import Quoted, is_quoted, lines, quotes, require_cap
from harness.suite import Source
from tests.conftest import toy_plugins

PAID = """
import harness


class Paid(harness.Model):
    name = "paid"
    summary = "Costs a dollar a call, and two at most"
    imports = ()
    kinds = ("toy",)
    starts = ("as-is",)
    settings = {"fault": harness.Setting("", "what goes wrong"), "free": harness.Setting(False, "no price")}

    def learner(self, assignment):
        raise harness.Unsupported("it is asked")

    def quote(self, data, settings, inputs, seed):
        if settings["fault"] == "unbounded":
            raise harness.SuiteError("No answer has a limit. Set one.")
        if settings["fault"] == "words":
            return "a lot"
        assert list(inputs) == [data.queries()[place % len(data.queries())] for place in range(len(inputs))]
        usd = None if settings["free"] else float(len(inputs))
        return harness.Quote(len(inputs), 10, 40, 8, usd, usd and 2 * usd)


@harness.hookimpl
def harness_models():
    return [Paid()]
"""


LIMITED = "at most 80 output tokens, about 1.5000 USD (2.2500 at most)."
LEAST = "at most 8 output tokens, about 0.5000 USD or more."
TOGETHER = "at most 88 output tokens, about 2.0000 USD or more. No call that would pass 3.5 USD is made."
NO_PRICE = "The cap does not hold for calls without a price."
OPEN = "as many output tokens as the server allows, about 1.5000 USD (2.2500 at most)."


@pytest.fixture
def paying(tmp_path: Path) -> Plugins:
    """Return the toy family with a model whose calls have a price."""
    (tmp_path / "paying.py").write_text(PAID, encoding="utf-8")
    return toy_plugins(tmp_path / "paying.py")


@pytest.fixture
def numbers(paying: Plugins) -> Any:
    """Return the data of the toy task."""
    task = paying.tasks["parity"]
    return task.data(None, filled({}, task.settings))


@pytest.fixture
def plan(paying: Plugins, plan_of: Callable[..., Plan]) -> Callable[..., Plan]:
    """Return a function that plans the paid model, with its settings, beside one that is trained."""

    def planned(*others: str, budgets: Any = None, **settings: Any) -> Plan:
        models = [{"name": "paid", "settings": settings}, *others]
        return plan_of(paying, models=models, runtimes=["plain"], budgets=budgets or {"finetune": {"steps": 1}})

    return planned


def test_a_quote_is_of_what_a_step_asks_for(plan: Callable[..., Plan], paying: Plugins, numbers: Any) -> None:
    """An evaluation asks for its split, a load for the queries of the suite at least; what is trained has no price."""
    planned = plan("guess")
    quoted = quotes(planned, paying, {})

    assert [(step.kind, step.spec["model"]) for step, _ in quoted] == [("evaluate", "paid"), ("serve", "paid")]
    assert [quote.calls for _, quote in quoted] == [numbers.sizes["test"], 1 + 2 * 32 + 32]
    assert [is_quoted(step, paying) for step in planned.steps].count(True) == 2


def test_what_is_done_is_not_quoted(plan: Callable[..., Plan], paying: Plugins) -> None:
    """Only what is still to be paid counts."""
    planned = plan()
    done = planned.against({planned.steps[0].fingerprint: "ok"})

    assert [step.kind for step, _ in quotes(done, paying, {})] == ["serve"]


def test_both_splits_are_asked_for_where_the_suite_keeps_validation(
    paying: Plugins, plan_of: Callable[..., Plan], numbers: Any
) -> None:
    """The evaluation asks for both, so both are paid."""
    changes: dict[str, Any] = {"models": [{"name": "paid"}], "runtimes": ["plain"], "evaluate": {"validation": True}}

    (_, evaluation), _ = quotes(plan_of(paying, **changes), paying, {})
    assert evaluation.calls == numbers.sizes["test"] + numbers.sizes["validation"]


LOADS: dict[str, tuple[str, int, dict[str, Any], int]] = {
    "one by one": ("SingleStream", 1, {}, 1 + 2 + 5),
    "in whole batches": ("Offline", 4, {}, 1 + 2 * 4 + 8),
    "several samples a query": ("MultiStream", 4, {}, 1 + 3 + 4 * 5),
    "in flight": ("ClosedLoop", 4, {}, 1 + 3 + 5),
    "more in flight than requests": ("ClosedLoop", 8, {}, 1 + 3 + 8),
    "rates": ("Server", 4, {"rates": [1, 10.25, 1]}, 1 + 3 + 5 + 21),
    "a search": ("Server", 4, {"rates": [], "percentile": 99.0}, 1 + 3 + 4 * 459),
    "a search that needs few": ("Server", 4, {"rates": [], "percentile": 50}, 1 + 3 + 4 * 7),
    "a search of many": ("Server", 4, {"rates": [], "percentile": 50, "queries": 500}, 1 + 3 + 4 * 500),
}
"""Scenario, batch size and more of the load → the calls of the first answer, the warm-up and the runs."""


@pytest.mark.parametrize("name", LOADS)
def test_the_least_of_a_load_is_that_of_its_scenario(name: str, plan: Callable[..., Plan], paying: Plugins) -> None:
    """As many as arrive in its time, and at least as many as the suite, a batch or a percentile asks for."""
    scenario, size, more, calls = LOADS[name]
    planned = plan()
    step = planned.steps[1]
    spec = {**step.spec, "scenario": scenario, "batch_size": size, "load": {"seconds": 2, "queries": 5, **more}}
    loaded = replace(planned, steps=(replace(step, spec=spec),))

    assert [quote.calls for _, quote in quotes(loaded, paying, {})] == [calls]


@pytest.mark.parametrize(("per_s", "runs"), [(0.0, 4), (1.0, 5), (3.0, 5)])
def test_no_search_has_fewer_runs_than_are_quoted(per_s: float, runs: int) -> None:
    """The fewest are those of a search that finds nothing."""
    tried: list[float] = []

    def keeps(rate: float) -> bool:
        tried.append(rate)
        return rate <= per_s

    highest(keeps, 2.0)
    assert len(tried) >= runs >= 1 + HALVINGS


def test_lines_say_calls_tokens_and_money_of_each_step_and_of_all(plan: Callable[..., Plan], paying: Plugins) -> None:
    """A load's figures are the least; a sum with an unlimited part is unlimited."""
    (evaluate, _), (serve, _) = quotes(plan(), paying, {})
    bounded = [Quoted(evaluate, Quote(1200, 3000, 9000, 80, 1.5, 2.25)), Quoted(serve, Quote(6, 30, 90, 8, 0.5, 1.0))]
    unlimited = [bounded[0], Quoted(evaluate, Quote(1, 2, 3, None))]

    first, second, last = lines(bounded, 3.5)
    assert first == f"{evaluate.title}: 1,200 calls, about 3,000 input tokens (9,000 at most), {LIMITED}"
    assert second == f"{serve.title}: 6 calls or more, about 30 input tokens (90 at most), {LEAST}"
    assert last == f"All together: 1,206 calls or more, about 3,030 input tokens (9,090 at most), {TOGETHER}"
    assert lines(unlimited, None)[-1] == f"All together: 1,201 calls, about 3,002 input tokens (9,003 at most), {OPEN}"
    assert lines([Quoted(evaluate, Quote(1, 2, 3, 4))], None)[-1].endswith("at most 4 output tokens, no price.")
    assert lines([Quoted(evaluate, Quote(1, 2, 3, 4))], 1.0)[-1].endswith(f"no price. {NO_PRICE}")
    assert lines(unlimited, 1.0)[-1].endswith(f"No call that would pass 1 USD is made. {NO_PRICE}")
    assert lines([], 1.0) == []


def test_a_price_needs_a_cap(plan: Callable[..., Plan], paying: Plugins) -> None:
    """One sentence with the remedy; what has no price needs none."""
    bare, free = plan(), plan(free=True)
    capped = plan(budgets={"spend_usd": 2})

    with pytest.raises(SuiteError, match=r"paid have a price, and suite 'toys' .* `budgets: {spend_usd: …}`"):
        require_cap(quotes(bare, paying, {}), bare)
    require_cap(quotes(capped, paying, {}), capped)
    require_cap(quotes(free, paying, {}), free)


@pytest.mark.parametrize(
    ("fault", "error", "sentence"),
    [("unbounded", SuiteError, "No answer has a limit"), ("words", PluginError, r"Model.quote\(\)")],
)
def test_a_model_may_refuse_and_must_answer_with_a_quote(
    fault: str, error: type[Exception], sentence: str, plan: Callable[..., Plan], paying: Plugins
) -> None:
    """Its own sentence is passed on; anything but a quote is the plugin's fault."""
    with pytest.raises(error, match=sentence):
        quotes(plan(fault=fault), paying, {})


@pytest.mark.parametrize(
    ("budgets", "sentence"),
    [
        ("budgets: {spend_usd: 0}", "line 4: budgets.spend_usd: Input should be greater than 0"),
        ("budgets: {spend_usd: .inf}", "budgets.spend_usd: Input should be a finite number"),
        ("budgets: {spend_usd: five}", "budgets.spend_usd is 'five'. Give a number."),
        ("budgets: {spend: 5}", "Unknown key 'spend'. Did you mean 'spend_usd'?"),
    ],
)
def test_a_cap_is_a_positive_number_of_the_suite(budgets: str, sentence: str) -> None:
    """Its line is named."""
    source = Source("mine.yaml", f"name: mine\nmodels: [paid]\ntasks: [parity]\n{budgets}\n")

    with pytest.raises(SuiteError) as error:
        source.validate()
    assert sentence in str(error.value)


def test_a_model_has_no_cap_of_its_own() -> None:
    """All models of a suite share one."""
    source = Source(
        "mine.yaml", "name: mine\nmodels: [{name: paid, budgets: {spend_usd: 1}}]\ntasks: [parity]\nbudgets: {}\n"
    )

    with pytest.raises(SuiteError, match="Unknown key 'spend_usd'"):
        source.validate()
