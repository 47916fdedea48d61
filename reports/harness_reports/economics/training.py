"""Training at scale: operations, time, energy and carbon.

Peaks are DENSE and of the precision in use; a sparse peak ("1,979" of an H100) is twice that. Parameters are those
active per token: fewer than all in a mixture of experts, about half in an encoder-decoder.
"""

from __future__ import annotations

from harness_reports.economics.checks import above, at_least, within

SECONDS_PER_HOUR = 3600
HOURS_PER_DAY = 24


def training_flops(params_active: float, tokens: float) -> float:
    """Return 6·N·D, the operations of training a dense decoder: 2ND forward, 4ND backward, without attention.

    N includes the output projection, but not embeddings.

    Raises:
        FactError: no parameters or tokens.
    """
    return 6 * above("params_active", params_active) * above("tokens", tokens)


def flops_per_token(
    params_active: float, layers: float = 0, attention_width: float = 0, sequence_length: float = 0
) -> float:
    """Return 6·N + 12·L·d·s (PaLM, arXiv:2204.02311, appendix B), full attention, not its causal half.

    Args:
        params_active: N, active parameters.
        layers: L.
        attention_width: d, heads times the width of a head.
        sequence_length: s, tokens.

    Raises:
        FactError: no parameters, or a negative number.
    """
    attention = at_least("layers", layers) * at_least("attention_width", attention_width)
    return 6 * above("params_active", params_active) + 12 * attention * at_least("sequence_length", sequence_length)


def accelerator_hours(flops: float, peak_flops_per_s: float, mfu: float) -> float:
    """Return the accelerator hours of a number of operations.

    Raises:
        FactError: no operations or peak, or a utilisation outside 0 to 1.
    """
    speed = above("peak_flops_per_s", peak_flops_per_s) * above("mfu", within("mfu", mfu))
    return above("flops", flops) / speed / SECONDS_PER_HOUR


def energy_mwh(accelerator_hours: float, watts_per_accelerator: float, pue: float) -> float:
    """Return the energy of a run in MWh; power per accelerator, with or without its share of the server.

    Raises:
        FactError: a negative number, or a power usage effectiveness below 1.
    """
    watts = at_least("watts_per_accelerator", watts_per_accelerator) * at_least("pue", pue, 1)
    return at_least("accelerator_hours", accelerator_hours) * watts / 1e6


def carbon_tonnes(mwh: float, kg_co2e_per_kwh: float) -> float:
    """Return tonnes of CO2 equivalent (kg per kWh is tonnes per MWh).

    Raises:
        FactError: a negative number.
    """
    return at_least("mwh", mwh) * at_least("kg_co2e_per_kwh", kg_co2e_per_kwh)
