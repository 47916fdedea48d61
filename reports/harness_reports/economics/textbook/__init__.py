"""Formulas of the textbooks that the tables do not use, held to the same test vectors."""
