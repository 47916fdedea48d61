"""What looking at images could be worth: needs and market figures.

Every figure is an assumption to be replaced by the reader's own; none is taken from a market report.
"""

from __future__ import annotations

from datetime import date

from harness import Figure, UseCase

_AS_OF = date(2026, 11, 23)


def _assumed(value: float, unit: str, stands_for: str) -> Figure:
    return Figure(value=value, unit=unit, as_of=_AS_OF, source=stands_for, kind="assumption")


IMAGE_INSPECTION = UseCase(
    name="image-inspection",
    title="Reading marks on parts",
    summary="A camera reads the number written on each part; a number read wrongly sends the part to the wrong place.",
    tasks=("digits",),
    needs={
        "quality": _assumed(0.95, "accuracy", "a trained person reads about this share of smudged numbers rightly"),
        "latency_s": _assumed(0.1, "s, 99th percentile", "the belt moves ten parts a second past the camera"),
    },
    market={
        "requests_per_year": _assumed(20_000_000.0, "images per year", "one belt, two shifts, 250 days"),
        "value_per_request_usd": _assumed(0.01, "USD per image", "1.2 seconds of an inspector at 30 USD an hour"),
        "cost_per_error_usd": _assumed(0.10, "USD per error", "twelve seconds to find and move the part"),
        "fixed_cost_per_year_usd": _assumed(40_000.0, "USD per year", "a quarter of an engineer, cameras, light"),
        "upfront_cost_usd": _assumed(80_000.0, "USD", "four months of one developer and the installation"),
        "discount_rate": _assumed(0.10, "share per year", "an ordinary hurdle rate for a software project"),
        "years": _assumed(4.0, "years", "the life of the cameras"),
        "development_multiplier": _assumed(20.0, "runs per final run", "experiments for one model in service"),
    },
)

SHELF_AUDIT = UseCase(
    name="shelf-audit",
    title="Finding the price tags on a shelf",
    summary="Photographs of shelves are searched for tags; a tag that is missed or misread is looked up by hand.",
    tasks=("scenes",),
    needs={
        "quality": _assumed(0.6, "mAP", "boxes as exact as two people who draw them agree among themselves"),
        "latency_s": _assumed(
            0.5, "s, 99th percentile", "the clerk sees the boxes before walking on to the next shelf"
        ),
    },
    market={
        "requests_per_year": _assumed(5_000_000.0, "images per year", "500 shops, 40 shelves, 250 days"),
        "value_per_request_usd": _assumed(0.05, "USD per image", "six seconds of a clerk at 30 USD an hour"),
        "cost_per_error_usd": _assumed(0.08, "USD per error", "ten seconds of a clerk to look a tag up"),
        "fixed_cost_per_year_usd": _assumed(50_000.0, "USD per year", "a third of one engineer, the app in the shops"),
        "upfront_cost_usd": _assumed(120_000.0, "USD", "six months of one developer: drawing boxes, training, the app"),
        "discount_rate": _assumed(0.10, "share per year", "an ordinary hurdle rate for a software project"),
        "years": _assumed(3.0, "years", "a usual planning horizon before such a system is replaced"),
        "development_multiplier": _assumed(20.0, "runs per final run", "experiments for one model in service"),
    },
)

USE_CASES = (IMAGE_INSPECTION, SHELF_AUDIT)
