"""The sentences in English."""

from __future__ import annotations

from harness_reports.cells import usd
from harness_reports.reasons.language import Language

SENTENCES = {
    # What decides a verdict.
    "request loses": "A request loses {loss_usd:usd}: no volume makes up for that.",
    "expected loss": "The expected net present value is {mean_usd:usd}; it is above 0 with a chance of "
    "{probability:share}.",
    "needs met": "The needs are met and the net present value is above 0 with a chance of {probability:share}, "
    "{p05_usd:usd} at its 5th percentile.",
    "quality missed": "{metric} is {value:.4g}, its good end {good:.4g}; {needed:.4g} is needed.",
    "quality in doubt": "{metric} may be as bad as {bad:.4g} where {needed:.4g} is needed: grade more items.",
    "latency missed": "More than 1 % of requests take longer than {limit_s:g} s ({slow} of those measured).",
    "loss likely": "The net present value is between {p05_usd:usd} and {p95_usd:usd}, maybe a loss, with a chance of "
    "{loss:share} where {accepted:share} is accepted.",
    "driver turns": "It hangs on {driver:name}: at its {percentile}th percentile the expected net present value is "
    "{npv_usd:usd}.",
    "measure first": "Another hour of measuring is worth {worth_usd:usd} and costs {cost_usd:usd}: measure first.",
    "one seed": "One seed: the spread between trainings is not in the interval.",
    "needs not measured": "Not measured here: {needs:names}.",
    "baseline better": "The cheap baseline {model!r} is better and is worth {worth_usd:usd}, this {npv_usd:usd}.",
    "baseline as good": "The cheap baseline {model!r} does not differ significantly in quality and is worth {worth_usd:usd}, "
    "this {npv_usd:usd}.",
    # What moves it.
    "drivers": "Its variance comes from {drivers:shares}.",
    "pilot once": "It is a pilot once {changes:either}.",
    "investment once": "It is an investment once {changes:either}.",
    "trial once": "It is worth trying once {changes:either}.",
    "value is": "a request brings {usd:usd}",
    "volume is": "there are {requests_per_year:count} requests a year",
    "serving is": "serving a request costs {usd:usd}",
    # What is missing before anything can be judged.
    "quality not finite": "The quality is not a number: some scores are not finite. Mend the task's evaluate, and "
    "grade again.",
    "few items": "Only {items} items were graded; at least {needed} are needed.",
    "serving not measured": "Serving was not measured in the scenario {scenario}.",
    "short window": "The measured window of {scenario} is under {seconds:g} s: serve for longer.",
    "no ceiling": "Errors have a price, but {metric} has no ceiling to take a share of.",
    "training missing": "The record of a training is missing, so its cost is not known.",
    "evaluation seconds missing": "The seconds of the evaluation are missing, so its cost is not known.",
    "few queries": "Too few queries to tell whether the latency limit is met: serve at least {needed}.",
    # What is wrong with measured numbers, and what to do next.
    "numbers sound": "ok",
    "window not measured": "The window was not measured: run it again.",
    "window short": "The window is under 1 s ({seconds:.2g} s): serve for longer.",
    "load invalid": "Not valid by the load generator's rules: {why}.",
    "window noisy": "The spread between parts of the window is {spread:share}, over 10 %: serve for longer on a quieter "
    "machine.",
    "window drifted": "The speed drifted by {change:+.0%} between the halves of the window: warm up longer or let the "
    "machine rest.",
    "overhead large": "{share:share} of the window went into sending queries and checking answers: the predictor is faster "
    "than this rate. Serve larger batches.",
    "threads differ": "PyTorch computed over {taken} threads, other runtimes over {given}: do not set its number of threads "
    "where a model is served.",
    "answers cached": "Answers are cached: an input takes {ratio:.1f} times as long the first time as when it is sent again, so "
    "the speed is not the model's. Serve without the cache.",
    "machine busy": "The machine was busy (load average {load:.1f} on {cores} cores): let other work end first.",
    "queries few": "p99 needs {needed} queries, {count} were served: serve more queries.",
    "scores not finite": "{count} scores are not finite: look at the model's outputs.",
    # Machines for a use case's demand.
    "serving unknown": "Serving was not measured.",
    "latency out of reach": "No measured load answers in {limit_s:g} s: the fastest takes {fastest_s:.3g} s, a batch "
    "under way included. Measure smaller batches, or another runtime.",
    "queue needs more": "A queue of single requests would need {replicas}: measure under a load like the real one.",
    # Needs and alternatives.
    "own machine": "runs on {hardware}, a machine of one's own or rented",
    "nothing needed": "nothing is asked for",
    "third party": "No third party may see a request.",
    # What a budget pays for.
    "in best bundle": "It is part of the best bundle that the budget pays for.",
    "not worthy": "The verdict is: {verdict}.",
    "worth nothing": "It is worth nothing on average.",
    "beyond budget": "It needs more than the budget.",
    "others bring more": "Other use cases bring more for the same money.",
}
LANGUAGE = Language(SENTENCES, usd, comma=", ", either=", or ", between=" ")
