"""Figures: values with unit, formula, inputs and sources."""
