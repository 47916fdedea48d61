"""Use cases: their markets, their net present value, the verdict."""
