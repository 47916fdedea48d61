"""What work on texts could be worth: needs and market figures of use cases.

Every figure is an assumption to be replaced by the reader's own; none is taken from a market report.
"""

from __future__ import annotations

from datetime import date

from harness import Figure, UseCase

_AS_OF = date(2026, 11, 23)


def _assumed(value: float, unit: str, stands_for: str) -> Figure:
    return Figure(value=value, unit=unit, as_of=_AS_OF, source=stands_for, kind="assumption")


_INVESTMENT = {
    "upfront_cost_usd": _assumed(60_000.0, "USD", "three months of one developer: data, integration, acceptance"),
    "discount_rate": _assumed(0.10, "share per year", "an ordinary hurdle rate for a software project"),
    "years": _assumed(3.0, "years", "a usual planning horizon before such a system is replaced"),
    "development_multiplier": _assumed(
        20.0, "runs per final run", "experiments, failed and repeated trainings for one that goes into service"
    ),
}

DOCUMENT_CLASSIFICATION = UseCase(
    name="document-classification",
    title="Filing technical documents",
    summary="Technical documents are filed under a topic; a wrong topic costs somebody the time to move them.",
    tasks=("topics",),
    needs={
        "quality": _assumed(
            0.80, "accuracy", "a clerk new to the material agrees with the expert on about four of five documents"
        ),
        "latency_s": _assumed(0.5, "s, 99th percentile", "the topic appears while the document is being uploaded"),
    },
    market={
        "requests_per_year": _assumed(
            2_000_000.0, "requests per year", "a company with 2,000 employees filing 4 documents a day"
        ),
        "value_per_request_usd": _assumed(0.08, "USD per request", "ten seconds of a clerk at 30 USD an hour"),
        "cost_per_error_usd": _assumed(
            0.25, "USD per error", "thirty seconds of a clerk at 30 USD an hour to find and move it"
        ),
        "fixed_cost_per_year_usd": _assumed(
            30_000.0, "USD per year", "a fifth of one engineer for operation and support"
        ),
        **_INVESTMENT,
    },
)

CUSTOMER_QUESTIONS = UseCase(
    name="customer-questions",
    title="Answering customers from the manual",
    summary="A customer's question is answered with the words of the manual; a wrong answer brings a call.",
    tasks=("parameters",),
    needs={
        "quality": _assumed(0.8, "exact match", "four of five answers can be sent as they are"),
        "latency_s": _assumed(1.0, "s, 99th percentile", "the answer appears while the customer waits in a chat"),
    },
    market={
        "requests_per_year": _assumed(1_000_000.0, "questions per year", "a supplier with 100,000 customers"),
        "value_per_request_usd": _assumed(0.5, "USD per question", "one of six calls of 3 USD that is not made"),
        "cost_per_error_usd": _assumed(1.0, "USD per error", "a third of the wrong answers bring a call of 3 USD"),
        "fixed_cost_per_year_usd": _assumed(60_000.0, "USD per year", "two fifths of one engineer and the manual"),
        **_INVESTMENT,
    },
)

TEXT_COMPLETION = UseCase(
    name="text-completion",
    title="Completing technical documentation",
    summary="An editor offers the writer the next words; a request is one offer while somebody writes documentation.",
    tasks=("docstrings",),
    needs={
        "quality": _assumed(
            1.6, "bits per byte", "a fifth below a five-gram: fewer bits mean that more offers are the word meant"
        ),
        "latency_s": _assumed(0.1, "s, 99th percentile", "an offer that comes later has been typed already"),
    },
    market={
        "requests_per_year": _assumed(50_000_000.0, "offers per year", "1,000 writers, 200 offers a day, 250 days"),
        "value_per_request_usd": _assumed(0.002, "USD per offer", "a quarter second of a writer, one in four taken"),
        "fixed_cost_per_year_usd": _assumed(30_000.0, "USD per year", "a fifth of one engineer"),
        **_INVESTMENT,
    },
)

DOCUMENT_TRANSLATION = UseCase(
    name="document-translation",
    title="Translating business documents",
    summary="Phrases of orders, offers and forms appear in the reader's language; a person mends a wrong one.",
    tasks=("phrases",),
    needs={
        "quality": _assumed(70.0, "BLEU points", "most phrases can stand as they are; a reader mends single words"),
        "latency_s": _assumed(1.0, "s, 99th percentile", "the translation appears while the page is being opened"),
    },
    market={
        "requests_per_year": _assumed(
            3_000_000.0, "phrases per year", "an exporter with 100,000 documents a year, 30 phrases each"
        ),
        "value_per_request_usd": _assumed(
            0.1, "USD per phrase", "five words at 0.10 USD each from an agency, a fifth of which is saved"
        ),
        "cost_per_error_usd": _assumed(0.25, "USD per error", "thirty seconds of a clerk at 30 USD an hour to mend it"),
        "fixed_cost_per_year_usd": _assumed(60_000.0, "USD per year", "two fifths of one engineer and the word lists"),
        **_INVESTMENT,
    },
)

REVIEW_SENTIMENT = UseCase(
    name="review-sentiment",
    title="Reading what reviews feel",
    summary="Reviews of products are told apart by sentiment, so that the angry ones are answered first.",
    tasks=("sentiment",),
    needs={
        "quality": _assumed(0.85, "accuracy", "two people who read the same review agree on about this share"),
        "latency_s": _assumed(1.0, "s, 99th percentile", "the review is sorted before its page reloads"),
    },
    market={
        "requests_per_year": _assumed(5_000_000.0, "requests per year", "a large shop with 14,000 reviews a day"),
        "value_per_request_usd": _assumed(
            0.03, "USD per request", "an agent reads one in five reviews less, 18 s each at 30 USD an hour"
        ),
        "cost_per_error_usd": _assumed(
            0.10, "USD per error", "one in fifty wrongly sorted reviews costs a refund of 5 USD"
        ),
        "fixed_cost_per_year_usd": _assumed(
            30_000.0, "USD per year", "a fifth of one engineer for operation and support"
        ),
        **_INVESTMENT,
    },
)

USE_CASES = (DOCUMENT_CLASSIFICATION, REVIEW_SENTIMENT, TEXT_COMPLETION, CUSTOMER_QUESTIONS, DOCUMENT_TRANSLATION)
