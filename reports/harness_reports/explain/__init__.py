"""Explanations of the figures of tables."""
