"""Plugins of a distribution of its own: one works, four do not."""
