"""Prices of machines and energy, and what a candidate costs by them."""
