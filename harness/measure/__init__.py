"""Measuring: load generation and meters. Nothing here knows what is measured."""
