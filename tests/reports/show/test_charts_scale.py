"""The chart of a plan has every utilisation, and no costs that are not known."""

from __future__ import annotations

from harness_reports.planning.scale import MFU_SCENARIOS, Run, scenarios
from harness_reports.prices.chips import find_accelerator
from harness_reports.show.charts_scale import by_utilisation

RUN = Run(7e9, 2e12, find_accelerator("h100"), usd_per_device_hour=2.0)


def test_every_utilisation_has_its_days_and_its_money() -> None:
    """Days in one panel, rented and owned costs in the other."""
    frame = scenarios(RUN)
    bars = {bar.name: list(bar.y) for bar in by_utilisation(frame).data}

    assert bars == {
        "days": list(frame["days"]), "rented": list(frame["rental_usd"]), "owned": list(frame["owned_usd"]),
    }  # fmt: skip


def test_a_measured_utilisation_is_one_more_bar() -> None:
    """In each panel."""
    run = Run(7e9, 2e12, find_accelerator("h100"), measured_mfu=0.41)
    figure = by_utilisation(scenarios(run))

    assert [len(bar.x) for bar in figure.data] == [len(MFU_SCENARIOS) + 1] * len(figure.data)
    assert figure.data[0].x[-1] == "measured<br>41 %"


def test_unknown_rent_is_not_drawn() -> None:
    """Not even as a bar at 0."""
    names = {bar.name for bar in by_utilisation(scenarios(Run(7e9, 2e12, find_accelerator("h100")))).data}

    assert "rented" not in names
