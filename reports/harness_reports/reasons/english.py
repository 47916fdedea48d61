"""The sentences in English."""

from __future__ import annotations

from harness import why
from harness_reports.cells import usd
from harness_reports.reasons.language import Language

SENTENCES = {
    # What decides a verdict.
    "negative margin": "Negative unit margin ({margin_usd:usd}): no volume breaks even.",
    "expected loss": "The expected net present value is {mean_usd:usd}; it is positive with a probability of "
    "{probability:share}.",
    "needs met": "The needs are met. The net present value is positive with a probability of {probability:share}; its "
    "5th percentile is {p05_usd:usd}.",
    "quality missed": "{metric} is {value:.4g}, {good:.4g} at the better end of its interval; {needed:.4g} is needed.",
    "quality in doubt": "{metric} may be {bad:.4g}, the worse end of its interval; {needed:.4g} is needed.",
    "latency missed": "More than 1 % of requests take longer than {limit_s:g} s ({slow} of those measured).",
    "loss likely": "The net present value is between {p05_usd:usd} and {p95_usd:usd} (5th to 95th percentile). The "
    "probability of a loss is {loss:share}; {accepted:share} is accepted.",
    "driver flips": "It depends on {driver:name}: at its {percentile}th percentile the expected net present value is "
    "{npv_usd:usd}.",
    "one seed": "One seed: the interval leaves out the variation between trainings.",
    "energy estimated": "The energy of a request is an estimate: {middle:.3g} J, between {low:.3g} and {high:.3g} J.",
    "training energy estimated": "The energy of training is an estimate: {middle:.3g} J, between {low:.3g} and "
    "{high:.3g} J.",
    "idle power not known": "The power of {hardware} while it waits is not known: only the energy of requests is counted.",
    "needs not measured": "Not measured here: {needs:names}.",
    "baseline better": "The cheap baseline {model!r} is better; its expected net present value is {baseline_usd:usd}, this one's "
    "{npv_usd:usd}.",
    "baseline as good": "The cheap baseline {model!r} does not differ significantly in quality: with this one's errors its "
    "expected net present value would be {baseline_usd:usd}; this one's is {npv_usd:usd}.",
    "only guesses": "Quality is not significantly better than guessing; the cheap baseline {model!r} is no better either.",
    "baseline not measured": "The cheap baseline {model!r} was not measured on these data, so nothing says whether it does as "
    "well: run this one's suite again with --model {model} --task {task}.",
    "baseline not comparable": "The quality of the cheap baseline {model!r} cannot be compared with this one's, so nothing says "
    "whether it does as well: have the same people or judge grade the answers of both.",
    "baseline without value": "The cheap baseline {model!r} may do as well, and what it earns is not known: its own row says what "
    "to measure.",
    # What to measure next.
    "label items": "Label and grade {size:count} more test items first: that is worth {evsi_usd:usd} and costs "
    "{cost_usd:usd}.",
    "grade items": "Grade {size:count} more items of the test split first: that is worth {evsi_usd:usd} and costs "
    "{cost_usd:usd}.",
    "more seeds": "Train and evaluate {size:count} more seeds first: that is worth {evsi_usd:usd} and costs "
    "{cost_usd:usd}.",
    "longer serving": "Serve for {size:count} s first: that is worth {evsi_usd:usd} and costs {cost_usd:usd}.",
    "measure nothing": "No further measurement is known to be worth its cost.",
    "split used up": "All {items:count} items of the test split are graded.",
    "labels worth": "Labels of {size:count} more would be worth {label_usd:usd} each: give `label_usd` if you "
    "can buy them.",
    "seeds unknown": "With one seed the value of more seeds is unknown.",
    "baseline is best": "The cheap baseline is as good: no candidate is better than {model!r}.",
    "money alone": "No candidate known to meet the needs is expected to earn what it costs.",
    # What moves it.
    "drivers": "Its variance comes from {drivers:shares}.",
    "no investment if": "It is no longer an investment if {changes:either}.",
    "investment if": "It becomes an investment if {changes:either}.",
    "worth it if": "It becomes a pilot or an investment if {changes:either}.",
    "value set to": "the value of a request is {value:usd} (today {today:usd})",
    "value certain at": "the value of a request is {value:usd} for certain (today uncertain, {today:usd} on average)",
    "volume set to": "demand is {value:count} requests a year (today {today:count})",
    "volume certain at": "demand is {value:count} requests a year for certain (today uncertain, {today:count} on "
    "average)",
    "prices set to": "machine prices are multiplied by {value:number} (today {today:number})",
    "prices of calls set to": "prices are multiplied by {value:number} (today {today:number})",
    # What is missing for a verdict.
    "quality not finite": "Quality is not a number, as some scores are not finite. Fix the task's evaluate, and evaluate "
    "again.",
    "few items": "Only {items} items were evaluated; at least {needed} are needed.",
    "serving not measured": "Serving was not measured in the scenario {scenario}.",
    "short window": "The measured window of {scenario} is under {seconds:g} s: serve for longer.",
    "no ceiling": "Errors have a cost, but {metric} has no ceiling, so the share of errors is unknown.",
    "training missing": "The record of a training is missing, so its cost is unknown.",
    "evaluation seconds missing": "The evaluation time is missing, so its cost is unknown.",
    "energy not known": "The machine's price does not include energy, and the energy was neither metered nor can it be "
    "estimated: serve for longer, or on a machine with a meter.",
    "training energy not known": "The machine's price does not include energy, and that of training was neither metered nor "
    "can it be estimated: train on a machine with a meter.",
    "energy without a price": "The machine's price does not include energy, and the use case has no "
    "`energy_usd_per_kwh`: add it.",
    "few queries": "Too few queries to test the latency objective: serve at least {needed}.",
    "set by reader": "set by you in place of {was} ({source})",
    # What is wrong with measurements, and what to do next.
    "numbers sound": "ok",
    "window not measured": "The window was not measured: run it again.",
    "window short": "The window is under 1 s ({seconds:.2g} s): serve for longer.",
    "load invalid": "Invalid by the load generator's rules: {why}.",
    "window noisy": "The spread between parts of the window is {spread:share}, over 10 %: serve for longer on a quieter "
    "machine.",
    "window drifted": "The speed drifted by {change:change} between the halves of the window: warm up longer or let the "
    "machine cool down.",
    "overhead large": "{share:share} of the window went into sending queries and checking answers: the predictor is "
    "faster than this rate. Serve larger batches.",
    "threads differ": "PyTorch used {taken} threads, other runtimes {given}: do not set its number of threads when "
    "serving.",
    "answers cached": "Answers are cached: an input takes {ratio:.1f} times as long at first as when repeated, so the "
    "speed is not the model's. Serve without the cache.",
    "machine busy": "The machine was busy (load average {load:.1f} on {cores} cores): let other work finish first.",
    "queries few": "p99 needs {needed} queries, {count} were served: serve more queries.",
    "of a run": "{run}: {why:every}",
    "prompts cached": "{share:share} of the input tokens were in the server's cache: other prompts take longer. Serve "
    "unique prompts.",
    "prompts repeat": "Prompts were sent more than once, and the server does not say what it had in its cache: others may "
    "take longer. Serve more data, or for a shorter time.",
    "requests few": "p99 needs {needed} requests, {count} were sent: serve for longer.",
    "load failed": "Not valid: {failed} of {count} requests failed, over {most:share}: {failures:counts}.",
    "client too slow": "Not valid: the client was the limit. Serve with fewer requests at a time, or from a machine with "
    "a free core.",
    "load saturated": "Saturated: requests came faster than they were answered, and the backlog grew. Serve at a lower "
    "rate.",
    "load not valid": "Not valid: {why}.",
    "load not measured": "What it bears under load was not measured: serve in the scenario Server.",
    "load too short": "No rate: no run is so long that at its end as many answers go as requests come. Serve for longer.",
    "load too few": "Too few requests under load to test the latency limit: serve at least {needed} at a rate.",
    "load over limit": "At every measured rate under {share:share} of requests were answered in {limit_s:g} s: serve at a "
    "lower rate.",
    "load over stated limits": "No measured rate keeps the limits of its suite: serve at a lower rate.",
    "no answers": "{failed} of {count} answers are none and count as wrong: {failures:counts}.",
    "scores not finite": "{count} scores are not finite: check the model's outputs.",
    "items not repeatable": "The data do not follow their seed: other evaluations, or other batch sizes, have other "
    "items, so models are compared on different ones. Let each episode draw from a generator of its own, with its seed.",
    "items all alike": "All {items} items are the same, whatever their seeds: the interval says nothing about others. "
    "Let the data draw from the seed they are given, or take one item's value as it is.",
    "items sampled": "{items:count} of {of:count} items, drawn with seed {seed}: the interval is that of the sample.",
    "no error at all": "{metric} is 0 for all {items} items, as if the model knew them: check its outputs.",
    # Machines for a use case's demand.
    "serving unknown": "Serving was not measured.",
    "rate under load": "Each machine bears {per_s:.3g} requests per second: the highest rate that was measured under load "
    "within the limit (run {run}).",
    "rate in closed loop": "Each machine bears {per_s:.3g} requests per second, as in the closed loop {run}: requests that "
    "arrive by a clock wait longer. Serve in the scenario Server.",
    "rate computed": "The wait is computed from requests served one at a time and in batches. No measured load is taken: "
    "{why:every}",
    "latency out of reach": "No number of machines answers 99 of 100 requests in {limit_s:g} s: the cost is that of "
    "serving them without the limit. Measure smaller batches, or another runtime.",
    # Needs and alternatives.
    "own machine": "runs on {hardware}, an owned or rented machine",
    "nothing needed": "no requirement",
    "third party": "No third party may see a request.",
    "not asked": "It was not asked: nobody knows its quality on these items.",
    "quality typed": "Its quality of {quality:.4g} is what you typed, not measured.",
    # Days of prices.
    "price old": "The price is of {day}, {days} days old, over {limit}: look for a newer one.",
    "price old perhaps": "The price is perhaps of {day} and up to {days} days old, over {limit}: look for a newer one.",
    "price undated": "The day of the price is not known: compare it with the provider's price list.",
    # Calls that are paid by the token.
    "calls not evaluated": "The price of a call comes from the tokens of an evaluation, and none has finished: evaluate "
    "it.",
    "calls without tokens": "No price: the server did not say how many tokens its answers took. Evaluate with a server "
    "that reports usage.",
    "calls without a price": "No price: genai-prices knows no {model!r} at {url}. Of a hosted model, look at its name and "
    "base URL. A server of your own is paid by the hour: its cost takes the rate of requests that it bears under load.",
    "calls miscounted": "No price: token counts that the server reported contradict each other, such as more cached than "
    "input tokens. Evaluate again when the server counts right.",
    "call latency not measured": "How long calls take was not measured: evaluate again, or serve in the scenario SingleStream.",
    "latency of an evaluation": "Latency is that of the evaluation, with up to {in_flight} requests in flight: how it is in the "
    "busiest hour, with {peak:.3g} requests per second, was not measured.",
    "latency of a lower rate": "Latency was measured at {per_s:.3g} requests per second; the busiest hour has {peak:.3g}.",
    "machine named": "Paid by the hour of {quantity:number} × {item}, which you name (assumed): no record says where the server "
    "ran.",
    "paid by the call": "Paid by the call: whoever serves the model has the machines, so there are none to count.",
    "provider's contract": "Whether the provider processes requests under a contract is not measured.",
    "calls not counted": "The server did not say the tokens of {count} of {all} answers: costs are those of the others.",
    "calls sent again": "For {all} answers {count} further attempts were sent. What tokens a failed attempt took is not "
    "known: where the provider bills each like its answer, costs are {higher:share} higher.",
    "calls estimated": "The server did not say the tokens of {count} of {all} answers: a tokenizer counted them here, so their "
    "price is an estimate.",
    "calls priced as nothing": "No price: genai-prices knows no entry {entry!r}, which `priced_as` of the record names. Name "
    "one as PROVIDER/MODEL, and evaluate again.",
    # Answers that a judge grades, and people.
    "answers not judged": "Not judged: {judged:count} of {answers:count} answers were given to a judge, so their quality "
    "is not known. Next: harness judge --model {judge} --rubric RUBRIC.yaml",
    "judge gave few grades": "{judge} gave a grade to {graded:count} of {answers:count} answers, so their quality is not "
    "known. Next: read what it said with harness export predictions --task answer-grading, then take another judge, or "
    "the same again with --again.",
    "judged not validated": "Judged, not validated: {judge} graded by the rubric {rubric!r}, and people graded "
    "{people:count} of {answers:count} answers, with {needed:count} needed to correct it. Next: harness grades FILE.csv "
    "--rubric RUBRIC.yaml",
    "judge corrected": "Judged, and corrected: {judge} graded by the rubric {rubric!r}, and people's grades of {both:count} of "
    "{answers:count} answers correct its mean.",
    "judge without a price": "What {judge} costs as a judge is not known, and it is part of the evaluation: name the entry "
    "of the list of prices that pays its calls (priced_as) and grade again, or the machine that it runs on (--machine).",
    "people few": "People graded {people:count} of its answers; {needed:count} are needed to correct its mean. Next: "
    "harness grades FILE.csv --rubric RUBRIC.yaml",
    "people no sample": "People graded no random sample: the judge's mean grade of their answers is {theirs:.3g}, of the "
    "others {others:.3g} (p = {p:.2g}), so that the corrected share may be off. Next: let people grade the others too, "
    "or import grades of answers that are drawn at random into another store: harness grades FILE.csv --rubric "
    "RUBRIC.yaml",
    "graders tied": "As many people find {count:count} of the answers right as wrong, so that they count as wrong: let one more "
    "person grade them.",
    "order not checked": "Whether the order of the scale sways it was not checked: harness judge --check-order N",
    "answers without a grade": "{count:count} of {answers:count} answers got no grade and are left out.",
    "one grader": "Krippendorff's alpha takes two graders or more: there is {graders}. Let another person grade some of "
    "the same answers.",
    "no item graded twice": "Krippendorff's alpha takes answers that two graders have: of {graders} graders no answer was "
    "graded by two. Let one grade some answers of another.",
    "no item graded by both": "No answer has both a grade of the judge and one of a person: let people grade answers that "
    "the judge graded, or the judge those of people.",
    "all grades the same": "Every grade is {grade}: agreement beyond chance is not defined. Grade answers that differ.",
    # Why a figure beside another candidate's has no ratio, or no interval.
    "machine without a price": "No cost: {why}",
    "reference is nothing": "That of {reference} is 0, so there is no ratio.",
    "spread under load not known": "The cost is at a rate under load, of one window: its spread is not known.",
    "spread of rate not known": "The window does not hold how long each of two batches or more took, so the spread of the "
    "cost is not known: serve for longer.",
    "single requests not timed": "No request was timed alone: serve in the scenario SingleStream.",
    "latency of calls": "Latency is that of the calls of its evaluation, with up to {in_flight} in flight.",
    "latencies few": "The percentile of {share:share} needs {needed} requests with a time, there are {count}: serve or "
    "evaluate more.",
    "energy of a server not known": "The energy of a server behind a URL is not known.",
    "energy neither read nor estimable": "Energy was neither read nor can it be estimated: serve on a machine with a meter.",
    "energy of one window": "The energy is that of a single window, so its spread is not known: measure more seeds.",
    "energy between bounds": "Energy is estimated, between that of idle and of busy processors.",
    # Why two candidates are no cascade.
    "cascade without validation": "{model} has no answers to the validation split, on which the threshold is chosen: set "
    "`validation: true` under `evaluate` in the suite and run it again, or give the threshold.",
    "cascade without confidence": "{model} does not say how confident it is, so it cannot be the first of a cascade: take a "
    "cheap model that answers with probabilities.",
    "cascade of no mean": "{metric} is no mean of scores of items, so that of a cascade is not known.",
    "cascade without common items": "{cheap} and {expensive} have no answers to the same items: run them in one suite.",
    "cascade loses quality": "Every threshold loses more than {tolerance:.3g} of the expensive one's quality on the validation "
    "split: the cheap one errs where it is most confident.",
    "cascade of one": "A cascade takes two candidates, and one was measured: add another model to the suite.",
    "cascade without values": "A cascade takes two candidates with a net present value; {count} of {of} measured here have one. "
    "Why others have none, `harness table viability` says.",
    "cascade without prices": "A cascade takes two candidates with the cost of an inference; {count} of {of} measured here have "
    "one. Add Offline to the `scenarios` of the suite.",
    "cascade of the best": "No candidate is better than a cheaper one that says how confident it is: there is nothing to gain by "
    "passing items on. Measure a better model.",
    "cascade without threshold": "No threshold passes on some of the validation items and not all: the cheap one is as confident of "
    "each. Take a cheap model whose confidence differs.",
    # What has changed since something was measured.
    "stale": "{changes:every}",
    **why.SENTENCES,
    # Why sizes support no scaling law.
    "exponent unclear": "The exponent's interval, {low:.3g} to {high:.3g}, holds 0: these sizes show no law. "
    "Measure more of them, or more seeds.",
    "size too large": "{params:.3g} parameters are over {times:g} times the largest size that was measured.",
    "sizes few": "Sizes measured: {count}. A law needs {needed}: add sizes to the suite.",
    "size without errors": "A size makes no errors, so the logarithm of its error is infinite. Take a metric that can "
    "still improve.",
    "size not finite": "{metric} is not a number at a size: some scores are not finite. Evaluate it again.",
    "errors without ceiling": "{metric} has no ceiling, so its errors are not known.",
    # What a budget pays for.
    "in best bundle": "It belongs to the best set of use cases within the budget.",
    "not worthy": "The verdict is: {verdict}.",
    "no value": "Its net present value is not positive.",
    "beyond budget": "It needs more than the budget.",
    "others earn more": "Other use cases earn more with the same money.",
}
LANGUAGE = Language(SENTENCES, usd, comma=", ", either=", or ", between=" ", semicolon="; ")
