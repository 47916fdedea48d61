"""Words of the report, its charts and notes of figures: in English where they stand, and here in other languages."""

from __future__ import annotations

from collections.abc import Mapping

from harness_reports.reasons import spoken

CHINESE: Mapping[str, str] = {
    # The report.
    "Investment memo": "投资备忘录",
    "Summary": "摘要",
    "Use cases": "使用场景",
    "All candidates": "全部候选方案",
    "Cost against quality": "成本与质量",
    "Quality": "质量",
    "What the models do": "模型输出示例",
    "Throughput and latency": "吞吐量与延迟",
    "Under load": "负载下",
    "the rate is not known": "速率未知",
    "the model answers in the process that sends": "模型在发送请求的进程中应答",
    "the server does not say how many input tokens were cached": "服务器未报告多少输入词元被缓存",
    "the suite states none": "套件未规定上限",
    "the run has no part in which requests come and answers go: serve for longer":
    "此次运行没有请求与应答同时进行的阶段：请延长服务测量",
    "latency limit": "延迟上限",
    "answers per second (log scale)": "每秒应答数（对数刻度）",
    "seconds of a request (log scale)": "单次请求秒数（对数刻度）",
    "ratio to the reference (log scale), less is better": "与参照之比（对数刻度），越低越好",
    "difference from the reference": "与参照之差",
    "more is better": "越高越好",
    "less is better": "越低越好",
    "margin": "容许差",
    "latency median": "延迟中位数",
    "latency p99": "延迟 p99",
    "not valid": "无效",
    "Cost": "成本",
    "Judgement of the numbers": "对数字的评语",
    "Failures": "失败",
    "Assumptions and prices": "假设与价格",
    "Environment": "环境",
    "Unsupported": "不支持",
    "Prices": "价格",
    "No measurement yet": "尚无测量结果",
    "Needs against measurements": "需求与实测",
    "Alternatives": "其他做法",
    "Net present value by year": "逐年净现值",
    "Drivers": "主要影响因素",
    "Break-even volume": "盈亏平衡的请求量",
    "Own machines or calls of a hosted model": "自有机器还是调用托管模型",
    "None.": "无。",
    "Nothing was measured yet.": "尚未测量。",
    "Nothing was evaluated yet.": "尚未评测。",
    "No task here shows samples.": "这里没有任务提供输出示例。",
    "No objections.": "没有异议。",
    "Every step finished.": "所有步骤均已完成。",
    "The same in every row": "各行相同",
    "No use case takes {data}, so they have no verdict.": "没有使用场景采用以下数据：{data}，因此没有结论。",
    "No use case has a measured candidate yet, so there is no verdict.": "尚无使用场景有测得的候选方案，因此没有结论。",
    "{ok} of {all} recorded steps finished": "已记录 {all} 个步骤，其中 {ok} 个完成",
    ", measured {days}": "，测量于 {days}",
    "{first} to {last}": "{first} 至 {last}",
    "; {failed} failed, {unsupported} are unsupported.": "；{failed} 个失败，{unsupported} 个不支持。",
    "{count} candidates": "{count} 个候选方案",
    "the only candidate": "唯一的候选方案",
    " ({count} measured). ": "（已测量{count}）。",
    " with {best}: expected net present value {npv} (5th to 95th percentile {low} to {high}); in the base case "
    "it breaks even at {even} requests a year. ":
    "，{best}：期望净现值 {npv}（第 5 至第 95 百分位为 {low} 至 {high}）；基准情形下每年 {even} 次请求时盈亏平衡。",
    "{label} on {runtime}, {hardware}": "{label}（{runtime}，{hardware}）",
    "{summary} Best candidate: ": "{summary} 最佳候选方案：",
    "{title}: {verdict}": "{title}：{verdict}",
    ". ": "。",
    "Prices times {multiplier}; machines answer requests in {utilisation} of their paid time. Of several offers the "
    "newest counts, then the cheapest. Quality and seconds are measured, costs are derived from them, and figures of a "
    "use case are of the kind the table says.":
    "价格乘以 {multiplier}；机器在 {utilisation} 的付费时间内应答请求。有多个报价时取最新的，其次取最便宜的。质量与用时为实测，成本由其算得，使用场景各数值的来源类别见表。",
    "stale: {why}. Run its suite again to measure what is installed.": "已过时：{why}。请重新运行其套件，以测量当前安装的版本。",
    # Headings of its tables.
    "use case": "使用场景",
    "best candidate": "最佳候选方案",
    "P(NPV > 0)": "净现值为正的概率",
    "expected NPV USD": "期望净现值（美元）",
    "P5": "第 5 百分位",
    "P95": "第 95 百分位",
    "margin USD per 1,000": "毛利（美元/千次）",
    "payback years": "回收期（年）",
    "break-even requests a year": "盈亏平衡（次请求/年）",
    "what is wrong and what to do": "问题与对策",
    "what": "名称",
    "as of": "日期",
    # Charts.
    "USD per 1,000 inferences (log scale)": "美元/千次推理（对数刻度）",
    "frontier": "前沿",
    "mixtures (convex hull)": "混合（凸包）",
    "baseline": "基线",
    "random baseline": "随机基线",
    "lower is better": "越低越好",
    "not drawn (no measured cost)": "个无实测成本，未画出",
    "expected net present value (USD), with its 90 % interval": "期望净现值（美元）及其 90 % 区间",
    "years after the start": "启动后年数",
    "net present value, USD": "净现值（美元）",
    "median": "中位数",
    "5th to 95th percentile": "第 5 至第 95 百分位",
    "expected": "期望值",
    "at its 10th percentile": "取第 10 百分位",
    "at its 90th percentile": "取第 90 百分位",
    "requests a year": "次请求/年",
    "expected demand": "预期需求",
    "break-even": "盈亏平衡",
    "requests a month": "次请求/月",
    "USD a month": "美元/月",
    "own machines": "自有机器",
    "cheaper from here": "自此更便宜",
    "always cheaper from here": "自此总是更便宜",
    "measured": "实测",
    "assumed": "假设",
    # Notes of explained figures.
    "only hosted models are compared with whole machines": "只有托管模型与整机相比",
    "it is measured": "已实测",
    "to time answers costs more: the command says so with --dry-run": "为回答计时另需费用：命令加 --dry-run 时会说明",
    "the items that the candidate was evaluated on, once": "候选方案被评测的条目，各一次",
    "the candidate's evaluation": "候选方案的评测",
    "the share of draws in which there is a break-even at any volume": "存在盈亏平衡量的抽样所占比例",
    "the share of draws in which machines cost no more than calls at requests_per_month":
    "在 requests_per_month 下机器成本不高于调用的抽样所占比例",
    "doing nothing has no costs and no income": "什么都不做既无成本也无收入",
    "it is the candidate": "即该候选方案",
    "the net present value of one of the two is unknown": "两者之一的净现值未知",
    "the quality of this model was not measured: run the row's command, or give `hosted_quality` in the use case":
    "未测量此模型的质量：运行该行的命令，或在使用场景中给出 `hosted_quality`",
    "above it no further machine makes owning cost more than calls; none if each further one does for a "
    "while":
    "超过此量后，再加机器也不会使自有比调用更贵；若每加一台都会贵一阵，则没有此量",
    "nothing is trained": "没有训练",
    "included in the machine's price": "已含在机器价格中",
    "paid by the hour of the machine that you name, not by the token": "按您指定的机器的机时付费，而非按词元",
    "the rate under load is that of one window: its spread is not known": "负载下的速率来自一个窗口：其离散度未知",
    "none: more than 1 % of requests failed": "无：超过 1 % 的请求失败",
    "included in the price of calls": "已含在调用价格中",
    "the candidate is paid by the call itself: there is no machine to compare with": "候选方案本身按次付费：没有可比较的机器",
    "what one machine bears in the busiest hour, over peak_factor and retries": "一台机器在最忙一小时能承受的量，除以 peak_factor 与重试",
    "no volume: whole machines always cost more than calls": "没有这样的请求量：整机总比调用贵",
    "the fewest whole machines that cost no more than calls at full load": "满载时成本不高于调用的最少整机数",
    "above that of an idle machine": "高于空闲机器的部分",
    "every hour is paid": "每小时都付费",
    "trainings, spread over the months": "训练成本分摊到各月",
    "in a call of mean size": "按平均大小的一次调用",
    "another figure of this row": "本行的另一个数字",
    "as in upfront_usd": "同 upfront_usd",
    "as in the accuracy table": "与质量表相同",
    "of the measurement with the highest value less cost": "价值减成本最高的那项测量",
    "default, as the use case does not give it": "默认值，因使用场景未给出",
    "set by you": "由您设定",
    "none: no volume makes it 0": "无：没有使其为 0 的请求量",
    "the volume nearest to requests_per_year at which the net present value changes its sign; machines come "
    "whole":
    "最接近 requests_per_year、使净现值变号的请求量；机器按整台计",
    "discounted income of all years per USD earned by a first-year request": "首年每次请求每赚 1 美元，对应的各年折现收入",
    "none: there are no requests": "无：没有请求",
    "over the funded use cases": "对获资助的使用场景求和",
    "no use case is funded": "没有使用场景获得资助",
    "0: not done, as it is a loss or misses the needed quality": "0：不做，因其亏损或达不到所需质量",
    "no use case has this task, so a better answer has no price": "没有使用场景包含此任务，因此更好的答案没有价格",
    "a measurement that it needs is missing": "缺少所需的测量",
    "none: a use has no gain": "无：每项用途没有增益",
    "pretrain_usd × development_multiplier / gain_usd_per_use, rounded up to whole uses":
    "pretrain_usd × development_multiplier / gain_usd_per_use，向上取整",
    "whether break_even_uses are no more than pretraining_uses": "break_even_uses 是否不超过 pretraining_uses",
    "0: no significant difference of quality": "0：质量无显著差异",
    "without the cost of pretraining": "不含预训练成本",
    "the metric gives no share of right answers, or a measurement is missing": "指标不给出正确答案的比例，或缺少测量",
    "there is no demand": "没有需求",
    "the use case has no cost per error": "使用场景没有单次错误成本",
    "no whole machines are paid": "没有为整机付费",
    "every hour is paid, idle or not": "每小时都付费，不论是否空闲",
    "other use cases pay for the rest of the machines": "机器的其余部分由其他使用场景付费",
    "99th percentile in the busiest hour: waiting for a machine, and the measured time of a batch":
    "最忙一小时的第 99 百分位：等待机器的时间，加上实测的批处理时间",
    "without a latency limit waiting does not count": "没有延迟上限时不计等待",
    "paid per second of use": "按使用秒数付费",
    "idle machines are the provider's": "空闲机器由提供商承担",
    "a measurement that it needs is missing: see the reasons of the verdict": "缺少所需的测量：见结论的理由",
    "nothing more can be measured": "没有可再测量的",
    "every figure at its mean": "各项取均值",
    "year 0": "第 0 年",
    "unit_error_usd and unit_review_usd": "unit_error_usd 与 unit_review_usd",
    "price of machines, or of calls, as a share of the first year's": "机器或调用的价格与首年之比",
    "held between 0 and 1": "限制在 0 与 1 之间",
    "the window does not hold how long each of at least two batches took, so its spread is not known":
    "测量窗口中没有至少两个批次各自的用时，因此离散度未知",
    "there is no record to read it in": "没有可从中读取的记录",
    "no seconds were measured": "没有测得时长",
    "no output tokens were counted": "没有计数输出词元",
    "not known without a share of right answers above 0": "正确答案的比例不大于 0 时未知",
    "nothing was pretrained here": "此处没有预训练",
    "it is measured as it is: nothing was trained here": "按原样测量：此处没有训练",
    "no evaluation of this candidate has finished": "此候选方案没有完成的评测",
    "the record of this training is missing, so its cost is not known": "缺少此次训练的记录，因此成本未知",
    "it was not graded": "未评分",
    "a machine is paid by the hour, whatever the tokens": "机器按小时付费，与词元数无关",
    "calls are paid by the token, whatever the machine": "调用按词元付费，与机器无关",
    "the server did not say it": "服务器未报告",
    "the energy of the server is not known": "服务器的能耗未知",
    "no tokens were counted": "没有计数词元",
    "draws of the cost are not known": "成本的抽样未知",
    "attempts by answer, weighted with the answer's price": "每个应答的尝试次数，按应答的价格加权",
    "the most: a provider that bills no failed attempt is paid usd_per_1k_inferences":
    "上限：若提供商不对失败的尝试计费，则为 usd_per_1k_inferences",
    "there is no price: see the note of the row": "没有价格：见该行备注",
    "no tokens were counted while it served": "服务时没有计数词元",
    "set by you; 1.15 is AWS's of 2023: energy of the building over that of its machines":
    "由您设定；1.15 为 AWS 2023 年的值：建筑能耗与机器能耗之比",
    "no serving in the scenario Offline has finished": "没有完成的 Offline 情景服务",
    "the record of this step is missing": "缺少此步骤的记录",
    "set by you: 1 is the price book's price": "由您设定：1 为价目表的价格",
    "set by you: share of paid time that is used": "由您设定：付费时间中被使用的比例",
    "mean of a PERT distribution: likeliest by measured processor time, least and most if no or every one "
    "worked":
    "PERT 分布的均值：最可能值按实测处理器时间，最小和最大值按没有或全部处理器工作",
    "no request was served": "没有服务任何请求",
    "discounted cost over discounted requests, times 1,000: training, development, operating cost, "
    "retraining, machines, energy, errors and review, year by year; at this price in every year the net "
    "present value is 0":
    "折现成本除以折现请求数，乘以 1,000：逐年计入训练、开发、运营成本、重训、机器、电费、错误与复核；各年均按此价格时净现值为 0",
    "finetune_usd and evaluate_usd, as in upfront_usd": "finetune_usd 与 evaluate_usd，同 upfront_usd",
}  # fmt: skip
_CATALOGUES: Mapping[str, Mapping[str, str]] = {"zh": CHINESE}


def say(text: str) -> str:
    """Return a text of the report in the language that is spoken; as it is where that has none."""
    return _CATALOGUES.get(spoken(), {}).get(text, text)


def in_language(words: Mapping[str, str]) -> dict[str, str]:
    """Return the words of a chart in the language that is spoken."""
    return {key: say(text) for key, text in words.items()}
