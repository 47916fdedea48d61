"""Textbook formulas that the tables do not use, tested by the same test vectors."""
