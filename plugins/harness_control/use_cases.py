"""What an agent in a game could be worth: needs and market figures.

Every figure is an assumption to be replaced by the reader's own; none is taken from a market report.
"""

from __future__ import annotations

from datetime import date

from harness import Figure, UseCase

_AS_OF = date(2026, 11, 23)


def _assumed(value: float, unit: str, stands_for: str) -> Figure:
    return Figure(value=value, unit=unit, as_of=_AS_OF, source=stands_for, kind="assumption")


GAME_AGENT = UseCase(
    name="game-agent",
    title="Opponents that play well",
    summary="A game studio serves decisions of trained agents; a request is one decision.",
    tasks=("cartpole",),
    needs={
        "quality": _assumed(475.0, "reward per episode", "the return at which gymnasium calls the game solved"),
        "latency_s": _assumed(0.016, "s, 99th percentile", "one frame at 60 frames a second"),
    },
    market={
        "requests_per_year": _assumed(
            3.0e10, "decisions per year", "8,000 players, an hour a day, three decisions a second"
        ),
        "value_per_request_usd": _assumed(
            0.000008, "USD per decision", "2.50 USD a month of a player's subscription that better opponents keep"
        ),
        "cost_per_error_usd": _assumed(
            0.00001, "USD per decision's worth of lost return", "a player who leaves after a dull match, spread over it"
        ),
        "fixed_cost_per_year_usd": _assumed(80_000.0, "USD per year", "half an engineer for operation and tuning"),
        "upfront_cost_usd": _assumed(90_000.0, "USD", "six months of one developer: environment, integration, tests"),
        "discount_rate": _assumed(0.12, "share per year", "an ordinary hurdle rate in entertainment software"),
        "years": _assumed(3.0, "years", "the life of a game before its successor"),
        "development_multiplier": _assumed(
            50.0, "runs per final run", "searches over rewards and settings for one agent that goes into the game"
        ),
    },
)

ROBOT_CONTROL = UseCase(
    name="robot-control",
    title="Arms that learn to reach",
    summary="A maker of robot arms serves decisions of a learned controller; a request is one decision.",
    tasks=("reacher",),
    needs={
        "latency_s": _assumed(0.02, "s, 99th percentile", "the simulated arm decides fifty times a second"),
        "quality": _assumed(-8.0, "reward per episode", "within a hand's breadth of the point for most of the time"),
    },
    market={
        "requests_per_year": _assumed(2.0e10, "decisions per year", "100 arms, two shifts, fifty decisions a second"),
        "value_per_request_usd": _assumed(
            0.00001, "USD per decision", "2,000 USD a year of hand-written control that one arm saves"
        ),
        "fixed_cost_per_year_usd": _assumed(120_000.0, "USD per year", "one engineer for simulation and safety"),
        "upfront_cost_usd": _assumed(150_000.0, "USD", "a year of one developer: simulation, transfer, tests"),
        "discount_rate": _assumed(0.12, "share per year", "an ordinary hurdle rate for machinery"),
        "years": _assumed(5.0, "years", "the life of the arms"),
        "development_multiplier": _assumed(50.0, "runs per final run", "searches over rewards and settings"),
    },
)

DRIVING_DECISIONS = UseCase(
    name="driving-decisions",
    title="Changing lanes on a motorway",
    summary="A driving assistant decides once a second whether to change lane or speed; a request is one decision.",
    tasks=("highway",),
    needs={
        "latency_s": _assumed(0.1, "s, 99th percentile", "a tenth of the time until the next decision"),
        "quality": _assumed(15.0, "reward per episode", "more than always braking reaches, 14.5 of 20"),
    },
    market={
        "requests_per_year": _assumed(7.2e9, "decisions per year", "10,000 cars, 200 hours on the motorway a year"),
        "value_per_request_usd": _assumed(0.00003, "USD per decision", "9 USD a month of a driver for the assistant"),
        "fixed_cost_per_year_usd": _assumed(300_000.0, "USD per year", "two engineers, and the regulator's record"),
        "upfront_cost_usd": _assumed(500_000.0, "USD", "three developers for a year, without the approval"),
        "discount_rate": _assumed(0.15, "share per year", "a high hurdle rate: approval may fail"),
        "years": _assumed(5.0, "years", "a model's life on the market"),
        "development_multiplier": _assumed(100.0, "runs per final run", "searches over rewards, scenes and settings"),
    },
)

USE_CASES = (GAME_AGENT, ROBOT_CONTROL, DRIVING_DECISIONS)
