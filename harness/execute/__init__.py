"""Where steps run: in fresh processes of a fork server on this machine."""

__all__ = ["HARNESS", "NAMES"]

NAMES = "HARNESS_FORK_SERVER_IMPORTS"
"""Environment variable for the fork server: names of modules to import, separated by spaces."""
HARNESS = "HARNESS_FORK_SERVER_OF"
"""Environment variable for the fork server: the process that it works for."""
