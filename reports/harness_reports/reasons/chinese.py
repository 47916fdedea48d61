"""The sentences in Chinese."""

from __future__ import annotations

from harness_reports.cells import usd
from harness_reports.reasons.language import Language

SENTENCES = {
    # What decides a verdict.
    "negative margin": "单位利润为负（{margin_usd:usd}）：任何请求量都无法盈亏平衡。",
    "expected loss": "期望净现值为 {mean_usd:usd}，为正的概率为 {probability:share}。",
    "needs met": "需求均已满足，净现值为正的概率为 {probability:share}，其第 5 百分位为 {p05_usd:usd}。",
    "quality missed": "{metric} 为 {value:.4g}，区间较好一端为 {good:.4g}，而要求为 {needed:.4g}。",
    "quality in doubt": "{metric} 可能差至 {bad:.4g}，而要求为 {needed:.4g}。",
    "latency missed": "超过 1 % 的请求耗时长于 {limit_s:g} 秒（实测中有 {slow} 次）。",
    "loss likely": "净现值在 {p05_usd:usd} 至 {p95_usd:usd} 之间（第 5 至第 95 百分位），亏损概率为 {loss:share}，而可接受的为 {accepted:share}。",
    "driver flips": "它取决于{driver:name}：取其第 {percentile} 百分位时，期望净现值为 {npv_usd:usd}。",
    "one seed": "只有一个随机种子：区间未包含多次训练之间的差异。",
    "energy estimated": "每次请求的能耗为估算值：{middle:.3g} 焦，介于 {low:.3g} 与 {high:.3g} 焦之间。",
    "training energy estimated": "训练的能耗为估算值：{middle:.3g} 焦，介于 {low:.3g} 与 {high:.3g} 焦之间。",
    "idle power not known": "{hardware} 空闲时的功率未知：只计入处理请求的能耗。",
    "needs not measured": "此处未测量：{needs:names}。",
    "baseline better": "廉价基线 {model} 更好，其期望净现值为 {baseline_usd:usd}，本方案为 {npv_usd:usd}。",
    "baseline as good": "廉价基线 {model} 质量上无显著差异：按本方案的错误率，其期望净现值为 {baseline_usd:usd}，本方案为 {npv_usd:usd}。",
    "only guesses": "质量并不显著优于随机猜测，廉价基线 {model} 也不优于随机猜测。",
    # What to measure next.
    "label items": "请先再标注并评测 {size:count} 个测试样本：价值 {evsi_usd:usd}，成本 {cost_usd:usd}。",
    "grade items": "请先再评测测试集中的 {size:count} 个样本：价值 {evsi_usd:usd}，成本 {cost_usd:usd}。",
    "more seeds": "请先再用 {size:count} 个随机种子训练并评测：价值 {evsi_usd:usd}，成本 {cost_usd:usd}。",
    "longer serving": "请先服务 {size:count} 秒：价值 {evsi_usd:usd}，成本 {cost_usd:usd}。",
    "measure nothing": "没有已知值得其成本的进一步测量。",
    "split used up": "测试集的 {items:count} 个样本已全部评测。",
    "labels worth": "再标注 {size:count} 个样本，每个价值 {label_usd:usd}：若能购买标注，请给出 label_usd。",
    "seeds unknown": "只有一个随机种子，更多种子的价值未知。",
    "baseline is best": "廉价基线同样好：没有候选方案优于 {model}。",
    "money alone": "已知满足需求的候选方案中，没有一个预期能收回成本。",
    # What moves it.
    "drivers": "不确定性主要来自：{drivers:shares}。",
    "no investment if": "若{changes:either}，它不再值得投资。",
    "investment if": "若{changes:either}，它成为投资。",
    "worth it if": "若{changes:either}，它成为试点或投资。",
    "value set to": "每次请求价值为 {value:usd}（目前为 {today:usd}）",
    "value certain at": "每次请求价值确定为 {value:usd}（目前不确定，均值为 {today:usd}）",
    "volume set to": "每年有 {value:count} 次请求（目前为 {today:count} 次）",
    "volume certain at": "每年确定有 {value:count} 次请求（目前不确定，均值为 {today:count} 次）",
    "prices set to": "机器价格乘以 {value:number}（目前为 {today:number}）",
    "prices of calls set to": "价格乘以 {value:number}（目前为 {today:number}）",
    # What is missing for a verdict.
    "quality not finite": "质量不是数字：部分得分不是有限值。请修正任务的 evaluate，再重新评测。",
    "few items": "只评测了 {items} 个样本，至少需要 {needed} 个。",
    "serving not measured": "未在 {scenario} 情景下测量服务。",
    "short window": "{scenario} 的测量窗口不足 {seconds:g} 秒：请延长服务测量。",
    "no ceiling": "错误有价格，但 {metric} 没有上限，无法计算份额。",
    "training missing": "缺少一次训练的记录，因此成本未知。",
    "evaluation seconds missing": "缺少评测用时，因此成本未知。",
    "energy not known": "机器价格不含电费，而能耗既未测量也无法估算：请延长服务测量，或使用带电能计量的机器。",
    "training energy not known": "机器价格不含电费，而训练的能耗既未测量也无法估算：请在带电能计量的机器上训练。",
    "energy without a price": "机器价格不含电费，而使用场景没有 `energy_usd_per_kwh`：请补上。",
    "few queries": "查询太少，无法判断是否满足延迟上限：至少需要 {needed} 次。",
    "set by reader": "由您设定，原为 {was}（{source}）",
    # What is wrong with measurements, and what to do next.
    "numbers sound": "正常",
    "window not measured": "未测到窗口时长：请重新运行。",
    "window short": "测量窗口不足 1 秒（{seconds:.2g} 秒）：请延长服务测量。",
    "load invalid": "按负载生成器的规则无效：{why}。",
    "window noisy": "窗口各部分之间的离散度为 {spread:share}，超过 10 %：请在更安静的机器上延长测量。",
    "window drifted": "窗口前后两半的速度漂移了 {change:change}：请延长预热，或让机器冷却。",
    "overhead large": "窗口中有 {share:share} 用于发送查询和检查答案：预测器比此速率更快。请使用更大的批次。",
    "threads differ": "PyTorch 使用了 {taken} 个线程，其他运行时使用 {given} 个：提供服务时请不要设置其线程数。",
    "answers cached": "答案被缓存：输入首次发送的耗时是重复发送的 {ratio:.1f} 倍，因此该速度不是模型的速度。请关闭缓存后再测量。",
    "machine busy": "机器繁忙（{cores} 个核心上的平均负载为 {load:.1f}）：请先让其他工作结束。",
    "queries few": "p99 需要 {needed} 次查询，只服务了 {count} 次：请增加查询次数。",
    "of a run": "{run}：{why:every}",
    "prompts cached": "输入词元的 {share:share} 已在服务器的缓存中：其他提示会更慢。请使用互不相同的提示。",
    "prompts repeat": "有提示重复发送，而服务器未报告缓存了多少：其他提示可能更慢。请使用更多数据，或缩短测量。",
    "requests few": "p99 需要 {needed} 次请求，只发送了 {count} 次：请延长服务测量。",
    "load failed": "无效：{count} 次请求中有失败（{failures}），超过 {most:share}。",
    "client too slow": "无效：瓶颈在客户端。请减少同时进行的请求，或在有空闲核心的机器上发送。",
    "load saturated": "已饱和：请求到达快于应答，积压不断增长。请降低速率。",
    "load not valid": "无效：{why}。",
    "load not measured": "未在负载下测量其承受能力：请在 Server 情景下测量。",
    "load too short": "没有一次运行包含请求与应答同时进行的阶段：请延长服务测量。",
    "load too few": "负载下的请求太少，无法判断是否满足延迟上限：每个速率至少需要 {needed} 次。",
    "load over limit": "在所有测得的速率下，{limit_s:g} 秒内得到应答的请求均不足 {share:share}：请降低速率。",
    "scores not finite": "{count} 个得分不是有限值：请检查模型的输出。",
    "items not repeatable": "数据不由其随机种子决定：每次评测或批次大小不同，样本也不同，各模型并非在相同样本上比较。请让每个回合用各自种子的生成器抽取。",
    "items sampled": "{of:,} 个样本中的 {items:,} 个，以种子 {seed} 抽取：区间为该抽样的区间。",
    "items all alike": "全部 {items} 个样本相同，与种子无关：区间不能说明其他样本。请让数据按给定的种子抽取，或只看单个样本的值。",
    "no error at all": "全部 {items} 个样本的 {metric} 均为 0，仿佛模型事先知道答案：请检查其输出。",
    # Machines for a use case's demand.
    "serving unknown": "未测量服务。",
    "latency out of reach": "再多机器也无法在 {limit_s:g} 秒内回答 100 次请求中的 99 次：成本按不计延迟上限计算。请测量更小的批次，或其他运行时。",
    # Needs and alternatives.
    "own machine": "运行于 {hardware}，自有或租用的机器",
    "nothing needed": "没有要求",
    "third party": "不允许第三方看到请求。",
    # Days of prices.
    "price old": "价格日期为 {day}，已有 {days} 天，超过 {limit} 天：请查找更新的价格。",
    "price old perhaps": "价格可能始于 {day}，至多已有 {days} 天，超过 {limit} 天：请查找更新的价格。",
    "price undated": "价格的日期未知：请与提供商的价目表核对。",
    # 按词元计费的调用。
    "calls not evaluated": "调用的价格取自评测的词元数，而评测尚未完成：请先评测。",
    "calls without tokens": "没有价格：服务器未报告应答所用的词元数。请用报告用量的服务器评测。",
    "calls without a price": "没有价格：genai-prices 中没有 {url} 上的 {model!r}。若为托管模型，请检查其名称和 base URL。自有服务器按小时付费：其成本取决于负载下能承受的请求速率。",
    "calls miscounted": "没有价格：服务器报告的词元数自相矛盾，例如缓存词元多于输入词元。待服务器计数正确后请重新评测。",
    "call latency not measured": "未测量调用的用时：请重新评测，或在 SingleStream 情景下测量服务。",
    "latency of an evaluation": "延迟取自评测，当时最多有 {in_flight} 个请求同时进行：最忙一小时每秒 {peak:.3g} 个请求时的延迟未测量。",
    "paid by the call": "按次付费：机器由服务方拥有，无需计数。",
    "provider's contract": "未测量提供商是否按合同处理请求。",
    "calls not counted": "共 {all} 个应答，服务器未报告其中 {count} 个的词元数：成本为其余应答的成本。",
    "calls sent again": "为 {all} 个应答另发送了 {count} 次尝试。失败的尝试用了多少词元未知：若提供商对每次尝试均按其应答计费，成本会高 {higher:share}。",
    "calls estimated": "共 {all} 个应答，服务器未报告其中 {count} 个的词元数：由此处的分词器计数，其价格为估计。",
    "calls priced as nothing": "没有价格：genai-prices 中没有记录的 `priced_as` 所指的 {entry!r}。请写作 PROVIDER/MODEL，再重新评测。",
    # What has changed since something was measured.
    "stale": "{changes:every}",
    "data changed": "数据已更改",
    "weights changed": "模型文件已更改",
    "plugin edited": "插件 {plugin} 已编辑（{role:name}{modules}）",
    "plugin remade": "插件 {plugin} 改用了其他取值（{role:name}{modules}）",
    "plugin updated": "插件 {plugin} → {version}（{role:name}{modules}）",
    "harness edited": "harness 已编辑（{role:name}{modules}）",
    # Why sizes support no scaling law.
    "exponent unclear": "指数的区间 {low:.3g} 至 {high:.3g} 包含 0：这些规模未显示规律。请测量更多规模，或更多随机种子。",
    "size too large": "{params:.3g} 个参数超过最大实测规模的 {times:g} 倍。",
    "sizes few": "已测量 {count} 种规模，而拟合规律需要 {needed} 种：请在套件中增加规模。",
    "size without errors": "有一种规模没有错误，其对数无限：请换用仍可改进的指标。",
    "size not finite": "{metric} 在一种规模上不是数字：部分得分不是有限值。请重新评测。",
    "errors without ceiling": "{metric} 没有上限，因此错误未知。",
    # What a budget pays for.
    "in best bundle": "属于预算内最佳的使用场景组合。",
    "not worthy": "结论为：{verdict:name}。",
    "no value": "净现值不为正。",
    "beyond budget": "所需资金超出预算。",
    "others earn more": "同样的资金用于其他使用场景收益更高。",
}


def _dollars(amount: float) -> str:
    return usd(amount).replace(" USD", " 美元")


LANGUAGE = Language(SENTENCES, _dollars, comma="、", either="，或", between="")
