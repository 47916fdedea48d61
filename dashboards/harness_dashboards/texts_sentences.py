"""The sentences that the functions say of a verdict, in Chinese.

The functions speak English and nothing else, so that a verdict is the same on the terminal, in a table and in a test.
Each rule here is one of their sentences; a sentence that no rule knows stays as it is.
"""

from __future__ import annotations

import re

_N = r"(-?[\d.,]+(?:e[-+]?\d+)?)"
_USD = r"(-?[\d.,]+(?:e[-+]?\d+)?) USD"
RULES: tuple[tuple[str, str], ...] = (
    (rf"A request loses {_USD}: no volume makes up for that\.", r"每次请求亏损 \1 美元，再大的请求量也无法弥补。"),
    (rf"The expected net present value is {_USD}; it is above 0 with a chance of ([\d.]+%)\.",
     r"期望净现值为 \1 美元，大于 0 的概率为 \2。"),
    ((rf"The needs are met and the net present value is above 0 with a chance of ([\d.]+%), {_USD} at its 5th "
     r"percentile\."), r"需求均已满足，净现值大于 0 的概率为 \1，其第 5 百分位为 \2 美元。"),
    (rf"(\S+) is {_N}, its good end {_N}; {_N} is needed\.", r"\1 为 \2，区间较好一端为 \3，而要求为 \4。"),
    (rf"More than 1 % of requests take longer than {_N} s \((\d+) of those measured\)\.",
     r"超过 1% 的请求耗时长于 \1 秒（实测中有 \2 次）。"),
    (rf"(\S+) may be as bad as {_N} where {_N} is needed: grade more items\.",
     r"\1 可能低至 \2，而要求为 \3：请评测更多样本。"),
    ((rf"The net present value is between {_USD} and {_USD}, maybe a loss, with a chance of ([\d.]+%) where ([\d.]+%) "
     r"is accepted\."), r"净现值在 \1 至 \2 美元之间，亏损概率为 \3，而可接受的为 \4。"),
    (rf"It hangs on (\S+): at its (\d+)th percentile the expected net present value is {_USD}\.",
     r"它取决于 \1：取其第 \2 百分位时，期望净现值为 \3 美元。"),
    (rf"Another hour of measuring is worth {_USD} and costs {_USD}: measure first\.",
     r"再测一小时价值 \1 美元，成本 \2 美元：请先测量。"),
    (r"One seed: the spread between trainings is not in the interval\.", "只有一个随机种子：区间未包含多次训练之间的差异。"),
    (r"Not measured here: ([^.]+)\.", r"此处未测量：\1。"),
    (rf"The cheap baseline '([^']+)' is better and is worth {_USD}, this {_USD}\.",
     r"廉价基线 \1 更好，价值 \2 美元，本方案为 \3 美元。"),
    (rf"The cheap baseline '([^']+)' cannot be told apart in quality and is worth {_USD}, this {_USD}\.",
     r"廉价基线 \1 质量上无法区分，价值 \2 美元，本方案为 \3 美元。"),
    (r"Its variance comes from ([^.]+)\.", r"其方差来自 \1。"),
    (r"It is a pilot once ([^.]+(?:\.\d[^.]*)*)\.", r"\1 时，它降为试点。"),
    (r"It is an investment once ([^.]+(?:\.\d[^.]*)*)\.", r"\1 时，它成为投资。"),
    (r"It is worth trying once ([^.]+(?:\.\d[^.]*)*)\.", r"\1 时，它值得尝试。"),
    (rf"a request brings {_USD}", r"每次请求带来 \1 美元"),
    (rf"there are {_N} requests a year", r"每年有 \1 次请求"),
    (rf"serving a request costs {_USD}", r"每次服务成本为 \1 美元"),
    (r", or ", "，或"),
    (r"The quality is not a number: some scores are not finite\.", "质量不是数字：部分得分不是有限值。"),
    (r"Only (\d+) items were graded; at least (\d+) are needed\.", r"只评测了 \1 个样本，至少需要 \2 个。"),
    (r"Serving was not measured in the scenario (\w+)\.", r"未在 \1 情景下测量服务。"),
    (rf"The measured window of (\w+) is under {_N} s: serve for longer\.", r"\1 的测量窗口不足 \2 秒：请延长服务测量。"),
    (r"Errors have a price, but (\S+) has no ceiling to take a share of\.", r"错误有价格，但 \1 没有上限，无法计算份额。"),
    (r"The record of a training is missing, so its cost is not known\.", "缺少一次训练的记录，因此成本未知。"),
    (r"The seconds of the evaluation are missing, so its cost is not known\.", "缺少评测用时，因此成本未知。"),
    (r"Too few queries to tell whether the latency limit is kept: serve at least (\d+)\.",
     r"查询太少，无法判断是否满足延迟上限：至少需要 \1 次。"),
    (r"runs on (\S+), a machine of one's own or rented", r"运行于 \1，自有或租用的机器"),
    (r"nothing is asked for", "没有要求"),
    (r"\bexplainability\b", "可解释性"),
    (r"\bquality\b", "质量"),
    (r"No third party may see a request\.", "不允许第三方看到请求。"),
)  # fmt: skip
_COMPILED = [(re.compile(pattern), said) for pattern, said in RULES]


def translate(text: str) -> str:
    """Return the functions' sentences in Chinese."""
    for pattern, said in _COMPILED:
        text = pattern.sub(said, text)
    return text
