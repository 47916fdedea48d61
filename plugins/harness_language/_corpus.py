"""Reads the default texts when it is imported: the fork server does so once, and every worker inherits them."""

from harness_language._docstrings import docstrings

DOCSTRINGS = docstrings()
