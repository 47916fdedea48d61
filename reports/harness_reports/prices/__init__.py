"""Prices of machines and energy, and the costs of candidates."""
