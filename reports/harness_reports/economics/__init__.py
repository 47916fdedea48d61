"""Economics in pure functions: finance, training, serving, queues, decisions, distributions, adoption, energy.

Every name carries its unit; money is USD, energy is kWh or J as the name says, shares run from 0 to 1. What makes no
sense raises `harness.FactError` in a sentence; what mathematics leaves undefined (the internal rate of return of flows
without a root, the wait in a queue that never empties) is None, never 0 and never NaN.
"""
