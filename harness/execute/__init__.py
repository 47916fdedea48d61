"""Where steps run: in fresh processes of a fork server on this machine."""

__all__ = ["HARNESS", "NAMES", "SAFE_PATH"]

NAMES = "HARNESS_FORK_SERVER_IMPORTS"
"""Environment variable for the fork server: names of modules to import, separated by spaces."""
HARNESS = "HARNESS_FORK_SERVER_OF"
"""Environment variable for the fork server: the process that it works for."""
SAFE_PATH = "PYTHONSAFEPATH"
"""Python's variable: modules in the working folder, such as a plugin's file `json.py`, hide none of a library."""
