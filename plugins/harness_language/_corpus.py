"""The default texts, read on import: the fork server imports this module once, and all workers share the texts."""

from harness_language._docstrings import docstrings

DOCSTRINGS = docstrings()
