"""Economics in pure functions: finance, training, serving, queues, decisions, distributions, adoption, energy.

Names carry their units; money is USD, shares run from 0 to 1. Invalid arguments raise `harness.FactError`. What is
undefined (the internal rate of return of flows without a root, the wait in a queue that grows for ever) is None, never
0 or NaN.
"""
