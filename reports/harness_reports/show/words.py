"""The words of the report and its charts: they are in English where they stand, and here in other languages."""

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
}  # fmt: skip
_CATALOGUES: Mapping[str, Mapping[str, str]] = {"zh": CHINESE}


def say(text: str) -> str:
    """Return a text of the report in the language that is spoken; as it is where that has none."""
    return _CATALOGUES.get(spoken(), {}).get(text, text)


def in_language(words: Mapping[str, str]) -> dict[str, str]:
    """Return the words of a chart in the language that is spoken."""
    return {key: say(text) for key, text in words.items()}
