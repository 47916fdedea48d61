"""Adapter of `harness_reports.economics` to the names and keys of the test vectors; it computes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from harness_reports.economics import (
    appraisal,
    build_or_buy,
    cashflow,
    ownership,
    queueing,
    scaling,
    sensitivity,
    training,
)
from harness_reports.economics.distributions import Lognormal, Pert, Triangular
from harness_reports.economics.textbook import (
    adoption,
    competition,
    decision,
    energy,
    losses,
    real_options,
    tokens,
)
from harness_reports.economics.textbook import appraisal as textbook_appraisal
from harness_reports.economics.textbook import queueing as textbook_queueing
from harness_reports.economics.textbook import training as textbook_training
from harness_reports.figures.formula import evaluate
from harness_reports.prices import frontier
from harness_reports.prices.cost_figures import UNIT_COST

Values = dict[str, Any]


def _renamed(keys: str, result: Iterable[Any]) -> Values:
    return dict(zip(keys.split(), result, strict=True))


# Finance ------------------------------------------------------------------------------------------------------


def npv_t0(rate: float, cashflows: Sequence[float]) -> Values:
    return {"npv": cashflow.npv(rate, cashflows)}


def npv_excel_convention(rate: float, cashflows: Sequence[float], t0: float | None = None) -> Values:
    flows = cashflows if t0 is None else [t0, *cashflows]
    return {"npv_excel": textbook_appraisal.npv_spreadsheet(rate, cashflows), "npv_t0": cashflow.npv(rate, flows)}


def irr_all_real_roots(cashflows: Sequence[float]) -> Values:
    result = cashflow.irr(cashflows)
    return {"irrs": list(result.rates), "n_sign_changes": result.sign_changes, "unique": result.unique}


def mirr(cashflows: Sequence[float], finance_rate: float, reinvest_rate: float) -> Values:
    return {"mirr": cashflow.mirr(cashflows, finance_rate, reinvest_rate)}


def xnpv(rate: float, cashflows: Sequence[float], dates: Sequence[str]) -> Values:
    return {"xnpv": cashflow.xnpv(rate, cashflows, [date.fromisoformat(day) for day in dates])}


def xirr(cashflows: Sequence[float], dates: Sequence[str]) -> Values:
    dated = cashflow.xirr(cashflows, [date.fromisoformat(day) for day in dates])
    return {"xirr": dated.single, "irr_periodic": cashflow.irr(cashflows).single}


def payback(cashflows: Sequence[float]) -> Values:
    return _renamed("years dips_below_zero_again", appraisal.payback(cashflows))


def discounted_payback(cashflows: Sequence[float], rate: float) -> Values:
    return _renamed("years dips_below_zero_again", appraisal.discounted_payback(rate, cashflows))


def profitability_index(rate: float, cashflows: Sequence[float]) -> Values:
    return {"pi": textbook_appraisal.profitability_index(rate, cashflows)}


def capital_recovery_factor(rate: float, n: float) -> Values:
    return {"crf": textbook_appraisal.capital_recovery_factor(rate, n)}


def equivalent_annual_cost(capex: float, life: float, opex: float, rate: float, salvage: float = 0.0) -> Values:
    return {"eac": textbook_appraisal.equivalent_annual_cost_usd(capex, life, opex, rate, salvage)}


def loan_payment(annual_rate: float, periods_per_year: int, n_periods: int, principal: float) -> Values:
    return {"payment": textbook_appraisal.loan_payment_usd(principal, annual_rate, periods_per_year, n_periods)}


def fisher_real_rate(nominal: float, inflation: float) -> Values:
    return {"real_rate": textbook_appraisal.real_rate(nominal, inflation)}


def wacc(equity: float, debt: float, cost_equity: float, cost_debt: float, tax: float) -> Values:
    return {"wacc": textbook_appraisal.wacc(equity, debt, cost_equity, cost_debt, tax)}


def depreciation_tax_shield_pv(
    cost: float,
    tax: float,
    rate: float,
    macrs_5y: Sequence[float] = textbook_appraisal.MACRS_5_YEARS,
    straight_line_years: int = 5,
) -> Values:
    line = textbook_appraisal.straight_line(straight_line_years)
    return {
        "pv_macrs": textbook_appraisal.depreciation_tax_shield_usd(cost, tax, rate, macrs_5y),
        "pv_straight_line": textbook_appraisal.depreciation_tax_shield_usd(cost, tax, rate, line),
    }


def levelised_cost_per_1k(capex: float, life: int, rate: float, opex: float, units_per_year: float) -> Values:
    years = [opex] * life, [units_per_year] * life
    return {"usd_per_1k": appraisal.levelised_cost_usd_per_1k(capex, *years, rate)}


def break_even_volume(fixed: float, price: float, variable_cost: float) -> Values:
    volume = appraisal.break_even_volume(fixed, price, variable_cost)
    return {"units": volume and volume.units, "units_ceil": volume and volume.whole_units}


def build_vs_buy_tokens_per_month(
    node_usd: float, capacity_tok_per_node: float, fixed_usd: float, api_usd_per_mtok: float
) -> Values:
    return _renamed(
        "first_break_even_tokens nodes_at_break_even always_cheaper_above_tokens",
        build_or_buy.build_or_buy(node_usd, capacity_tok_per_node, fixed_usd, api_usd_per_mtok),
    )


# Training -----------------------------------------------------------------------------------------------------


def train_flops_6nd(params_active: float, tokens: float) -> Values:
    return {"flops": training.training_flops(params_active, tokens)}


def mfu_from_throughput(
    params: float,
    tokens_per_s: float,
    n_accel: float,
    peak_flops: float,
    n_layers: float = 0,
    d_attn: float = 0,
    seq_len: float = 0,
) -> Values:
    flops = training.flops_per_token(params, n_layers, d_attn, seq_len)
    return {"mfu": textbook_training.mfu_from_throughput(flops, tokens_per_s, n_accel, peak_flops)}


def mfu_hfu_llmfoundry(
    n_params: float,
    seq_len: float,
    n_gpus: float,
    tokens_per_s_total: float,
    n_layers: float,
    d_model: float,
    peak_flops: float,
    *,
    activation_checkpointing: bool,
) -> Values:
    flops = training.flops_per_token(n_params, n_layers, d_model, seq_len)
    mfu = textbook_training.mfu_from_throughput(flops, tokens_per_s_total, n_gpus, peak_flops)
    return {"mfu": mfu, "hfu": textbook_training.hfu(mfu, full_recomputation=activation_checkpointing)}


def mfu_from_accel_hours(params: float, tokens: float, accel_hours: float, peak_flops: float) -> Values:
    return {"mfu": textbook_training.mfu_from_hours(params, tokens, accel_hours, peak_flops)}


def training_days_megatron(params: float, tokens: float, n_gpus: float, achieved_flops_per_gpu: float) -> Values:
    return {"days": textbook_training.training_days(params, tokens, n_gpus, achieved_flops_per_gpu)}


def _constants(law: Mapping[str, float]) -> scaling.Constants:
    return scaling.Constants(*(law[name] for name in ("E", "A", "B", "alpha", "beta")))


def chinchilla_loss(params: float, tokens: float, constants: Mapping[str, float]) -> Values:
    return {"loss": scaling.loss(params, tokens, _constants(constants))}


def chinchilla_optimal_allocation(
    flops: float, constants: Mapping[str, float] | None = None, constants_name: str = "hoffmann_rounded"
) -> Values:
    law = _constants(constants) if constants else scaling.CONSTANTS[constants_name]
    return scaling.optimal_allocation(flops, law)._asdict()


def train_cost_rental(stages_gpu_hours: Mapping[str, float], usd_per_gpu_hour: float) -> Values:
    return _renamed(
        "total_gpu_hours usd by_stage_usd", textbook_training.rental_cost(stages_gpu_hours, usd_per_gpu_hour)
    )


def epoch_amortised_cost(
    server_value_per_chip: float,
    chip_hours: float,
    tdp_w: float,
    chip_to_server: float,
    tdp_fraction: float,
    pue: float,
    usd_per_kwh: float,
    k: float = ownership.DECAY_ORDERS_PER_YEAR,
) -> Values:
    cost = ownership.amortised_cost(
        server_value_per_chip,
        chip_hours,
        tdp_w=tdp_w,
        server_power_factor=chip_to_server,
        power_share=tdp_fraction,
        pue=pue,
        usd_per_kwh=usd_per_kwh,
        orders_per_year=k,
    )
    return {
        "amortised_hw": cost.hardware_usd,
        "interconnect": cost.interconnect_usd,
        "energy": cost.energy_usd,
        "total": cost.total_usd,
    }


def epoch_depreciated_value(initial_price: float, years: float, k: float = ownership.DECAY_ORDERS_PER_YEAR) -> Values:
    return {"value": ownership.depreciated_usd(initial_price, years, k)}


def training_energy_carbon(accel_hours: float, watts_per_accel: float, pue: float, kgco2e_per_kwh: float) -> Values:
    mwh = training.energy_mwh(accel_hours, watts_per_accel, pue)
    return {"mwh": mwh, "tco2e": training.carbon_tonnes(mwh, kgco2e_per_kwh)}


def energy_from_power(n_accel: float, days: float, system_watts_per_accel: float, pue: float) -> Values:
    return {"mwh": textbook_training.energy_of_days_mwh(n_accel, days, system_watts_per_accel, pue)}


def extrapolate_cluster(**inputs: float) -> Values:
    return textbook_training.extrapolate_cluster(**inputs)._asdict()


# Serving ------------------------------------------------------------------------------------------------------


def usd_per_million_tokens(usd_per_gpu_hour: float, tokens_per_s_per_gpu: float) -> Values:
    return {"usd_per_mtok": tokens.usd_per_million_tokens(usd_per_gpu_hour, tokens_per_s_per_gpu)}


def joules_per_token(power_kw_per_gpu: float, tokens_per_s_per_gpu: float) -> Values:
    return _renamed("j_per_token tok_s_per_mw", tokens.energy_per_token(power_kw_per_gpu, tokens_per_s_per_gpu))


def blended_price_3_to_1(input_usd_per_mtok: float, output_usd_per_mtok: float) -> Values:
    return {"blended": tokens.blended_usd_per_million_tokens(input_usd_per_mtok, output_usd_per_mtok)}


def api_call_cost(
    model: str,
    provider: str,
    as_of: str,
    usage: Mapping[str, int],
    price_context: Mapping[str, str] | None = None,
    library: str = "genai-prices",
) -> Values:
    at = datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    return {"usd": float(tokens.call_usd(provider, model, usage, at, price_context))}


def usd_per_1k_inferences(usd_per_hour: float, throughput_per_s: float, utilisation: float = 1.0) -> Values:
    values = {"usd_per_hour": usd_per_hour, "samples_per_s": throughput_per_s, "utilisation": utilisation}
    return {"usd_per_1k": evaluate(UNIT_COST, values)}


def end_to_end_latency(ttft_s: float, output_tokens_per_s: float, output_tokens: float) -> Values:
    return _renamed("e2e_s e2e_s_aa_style", tokens.answer_time(ttft_s, output_tokens_per_s, output_tokens))


def littles_law_concurrency(arrival_per_s: float, mean_latency_s: float) -> Values:
    return {"concurrency": textbook_queueing.in_flight(arrival_per_s, mean_latency_s)}


# Queues -------------------------------------------------------------------------------------------------------


def erlang_b(offered_erlangs: float, servers: int) -> Values:
    return {"blocking": queueing.erlang_b(offered_erlangs, servers)}


def erlang_c(offered_erlangs: float, servers: int) -> Values:
    return {"p_wait": queueing.erlang_c(offered_erlangs, servers)}


def erlang_c_service_level(calls_per_hour: float, aht_s: float, servers: int, target_s: float) -> Values:
    return _renamed(
        "p_wait service_level asa_s occupancy",
        textbook_queueing.service_level(calls_per_hour / 3600, aht_s, servers, target_s),
    )


def mm1(**inputs: float) -> Values:
    arrivals, service = inputs["lambda"], inputs["mu"]
    return {
        **_queue(textbook_queueing.mm1(arrivals, service)),
        "p95_W": textbook_queueing.mm1_time_in_system_s(arrivals, service, 0.95),
    }


def mg1_pollaczek_khinchine(**inputs: float) -> Values:
    return _queue(textbook_queueing.mg1(inputs["lambda"], inputs["mean_service_s"], inputs["scv"]))


def _queue(queue: textbook_queueing.Queue) -> Values:
    return _renamed("rho L Lq W Wq", queue)


def mmc_min_servers(lambda_per_s: float, mu_per_s: float, max_wait_s: float, slo: float) -> Values:
    return textbook_queueing.servers_needed(lambda_per_s, mu_per_s, max_wait_s, slo)._asdict()


# Decisions and risk -------------------------------------------------------------------------------------------


def evpi(probabilities: Sequence[float], payoffs: Mapping[str, Sequence[float]]) -> Values:
    return _renamed("best_action emv ev_with_pi evpi", decision.perfect_information(probabilities, payoffs))


def evsi(
    prior: Sequence[float], payoffs: Mapping[str, Sequence[float]], likelihoods: Mapping[str, Sequence[float]]
) -> Values:
    return _renamed(
        "ev_without ev_with_sample evsi posteriors", decision.sample_information(prior, payoffs, likelihoods)
    )


def cost_of_error(
    n: float,
    prevalence: float,
    tpr: float,
    fpr: float,
    cost_fp: float,
    cost_fn: float,
    cost_per_inference: float = 0.0,
) -> Values:
    return _renamed(
        "fp fn error_cost total_cost no_model_cost value_vs_no_model",
        decision.error_cost(
            n,
            prevalence,
            true_positive_rate=tpr,
            false_positive_rate=fpr,
            usd_per_false_positive=cost_fp,
            usd_per_false_negative=cost_fn,
            usd_per_inference=cost_per_inference,
        ),
    )


def bayes_threshold(cost_fp: float, cost_fn: float) -> Values:
    return {"threshold": decision.bayes_threshold(cost_fp, cost_fn)}


def value_of_accuracy(accuracy_a: float, accuracy_b: float, n: float, cost_per_error: float) -> Values:
    return _renamed(
        "value max_extra_cost_per_inference", decision.value_of_accuracy(accuracy_a, accuracy_b, n, cost_per_error)
    )


def beta_pert(**inputs: float) -> Values:
    pert = Pert(inputs["min"], inputs["mode"], inputs["max"], inputs.get("lambda", 4))
    return {
        "alpha": pert.alpha,
        "beta": pert.beta,
        "mean": pert.mean,
        "var_classic": pert.classic_variance,
        "var_beta": pert.variance,
        **_percentiles(pert, p10=0.1, p50=0.5, p90=0.9),
    }


def triangular(**inputs: float) -> Values:
    distribution = Triangular(inputs["min"], inputs["mode"], inputs["max"])
    return {
        "mean": distribution.mean,
        "var": distribution.variance,
        **_percentiles(distribution, p10=0.1, p50=0.5, p90=0.9),
    }


def lognormal_from_90ci(p05: float, p95: float) -> Values:
    lognormal = Lognormal.from_90_interval(p05, p95)
    return {"mu": lognormal.mu, "sigma": lognormal.sigma, "median": lognormal.median, "mean": lognormal.mean}


def lognormal_from_mean_sd(mean: float, sd: float) -> Values:
    lognormal = Lognormal.from_mean_sd(mean, sd)
    return {"mu": lognormal.mu, "sigma": lognormal.sigma, **_percentiles(lognormal, p05=0.05, p95=0.95)}


def _percentiles(distribution: Any, **shares: float) -> Values:
    return {name: float(distribution.quantile(share)) for name, share in shares.items()}


def var_cvar_normal(mu_loss: float, sigma: float, alpha: float) -> Values:
    return losses.normal_tail(mu_loss, sigma, alpha)._asdict()


def var_cvar_exponential(rate: float, alpha: float) -> Values:
    return losses.exponential_tail(rate, alpha)._asdict()


def var_cvar_empirical(alpha: float, **inputs: Sequence[float]) -> Values:
    return _renamed("var_lower_quantile cvar_rockafellar_uryasev", losses.empirical_tail(inputs["losses"], alpha))


def sobol_ishigami(a: float, b: float, domain: str = "U(-pi,pi)^3") -> Values:
    def ishigami(x: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.asarray(np.sin(x["1"]) + a * np.sin(x["2"]) ** 2 + b * x["3"] ** 4 * np.sin(x["1"]))

    return _sobol(sensitivity.sobol_indices(ishigami, dict.fromkeys("123", (-math.pi, math.pi))))


def sobol_g_function(a: Sequence[float], domain: str = "U(0,1)^8") -> Values:
    def g(x: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.prod([(np.abs(4 * x[str(i)] - 2) + each) / (1 + each) for i, each in enumerate(a)], axis=0)

    return _sobol(sensitivity.sobol_indices(g, {str(i): (0.0, 1.0) for i in range(len(a))}))


def _sobol(sobol: sensitivity.Sobol) -> Values:
    return {"S1": [*sobol.first_order.values()], "ST": [*sobol.total.values()], "variance": sobol.variance}


def pareto_cost_accuracy(points_cost_accuracy: Sequence[Sequence[float]]) -> Values:
    points = [(cost, accuracy) for cost, accuracy in points_cost_accuracy]
    return {
        "non_dominated_idx": [i for i, kept in enumerate(frontier.not_dominated(points)) if kept],
        "hal_convex_hull_idx": [i for i, kept in enumerate(frontier.on_hull(points)) if kept],
    }


def real_option_black_scholes(**inputs: float) -> Values:
    return _renamed("call put", real_options.black_scholes(*(inputs[name] for name in ("S", "K", "r", "sigma", "T"))))


def real_option_binomial(**inputs: Any) -> Values:
    return _renamed(
        "american european",
        real_options.binomial(
            inputs["S"],
            inputs["K"],
            inputs["r"],
            up=inputs["u"],
            down=inputs["d"],
            steps=inputs["steps"],
            step_years=inputs["dt"],
            kind=inputs["type"],
        ),
    )


# Market -------------------------------------------------------------------------------------------------------


def bass_cumulative(p: float, q: float, m: float, t: float) -> Values:
    curve = adoption.Bass(p, q, m)
    share = adoption.adopted_share(curve, t)
    return {"F": share, "cumulative": m * share, "rate": adoption.adoption_rate(curve, t)}


def bass_peak(p: float, q: float, m: float) -> Values:
    peak = adoption.adoption_peak(adoption.Bass(p, q, m))
    return {"t_peak": peak and peak.time, "peak_rate": peak and peak.rate}


def bass_discrete(p: float, q: float, m: float, periods: int) -> Values:
    adopters = adoption.adopters_by_period(adoption.Bass(p, q, m), periods)
    return {"adopters": adopters, "cumulative": sum(adopters)}


def bass_fit_nls(sales: Sequence[float], t: Sequence[float], start: Mapping[str, float] | None = None) -> Values:
    first = adoption.Bass(start["p"], start["q"], start["m"]) if start else None
    fit = adoption.fit_bass(sales, t, first)
    p, q, m = fit.curve
    return {"m": m, "p": p, "q": q, "residual_se": fit.residual_se}


def wright_learning_curve(first_unit_cost: float, progress_ratio: float, n: int) -> Values:
    return _renamed("unit_n_cost exponent cumulative_cost", adoption.learning_curve(first_unit_cost, progress_ratio, n))


def arc_elasticity_midpoint(p1: float, q1: float, p2: float, q2: float) -> Values:
    return {"elasticity": competition.arc_elasticity(p1, q1, p2, q2)}


def monopoly_price_lerner(marginal_cost: float, elasticity: float) -> Values:
    markup = competition.monopoly_price(marginal_cost, elasticity)
    return {"price": markup and markup.price_usd, "lerner_index": markup and markup.lerner_index}


def tam_sam_som(units: float, price: float, serviceable_share: float, obtainable_share: float) -> Values:
    return _renamed("tam sam som", competition.market_size(units, price, serviceable_share, obtainable_share))


def cagr(begin: float, end: float, years: float) -> Values:
    return {"cagr": competition.cagr(begin, end, years)}


def weighted_factor_score(weights: Mapping[str, float], scores: Mapping[str, Mapping[str, float]]) -> Values:
    return {"scores": competition.factor_scores(weights, scores)}


# Energy -------------------------------------------------------------------------------------------------------


def ccf_vm_energy(
    vcpus: float,
    hours: float,
    utilisation: float,
    min_w: float,
    max_w: float,
    ram_gb: float,
    ram_w_per_gb: float,
    pue: float,
    kg_per_kwh: float,
    usd_per_kwh: float,
) -> Values:
    return _renamed(
        "cpu_wh ram_wh it_kwh facility_kwh kgco2e usd",
        energy.machine_energy(
            vcpus,
            hours,
            utilisation,
            idle_watts_per_vcpu=min_w,
            busy_watts_per_vcpu=max_w,
            memory_gb=ram_gb,
            memory_watts_per_gb=ram_w_per_gb,
            pue=pue,
            kg_co2e_per_kwh=kg_per_kwh,
            usd_per_kwh=usd_per_kwh,
        ),
    )


def codecarbon_cpu_load_machine(tdp_w: float, cpu_load_pct: float) -> Values:
    return {"watts": energy.cpu_load_watts(tdp_w, cpu_load_pct / 100)}


def emissions_by_country(country_iso3: str, kwh: float) -> Values:
    return {"kgco2e": energy.grid_emissions_kg(country_iso3, kwh)}


def energy_per_1k_requests(
    gpu_watts: float, pue: float, requests_per_s: float, usd_per_kwh: float, kg_per_kwh: float
) -> Values:
    return _renamed(
        "wh_per_1k usd_per_1k gco2e_per_1k",
        energy.energy_per_1k_requests(
            gpu_watts, requests_per_s, pue=pue, usd_per_kwh=usd_per_kwh, kg_co2e_per_kwh=kg_per_kwh
        ),
    )
