"""Every error the harness raises on purpose.

HarnessError                    exit code 2: the input is bad, nothing was written
├── PluginError                 a plugin, or a name a plugin should have given
├── SuiteError                  a suite file, or an option that changes one
├── DataError                   a data file or data set
├── StoreError                  the folder or database that keeps the records
├── FactError                   a price, a use case or another fact without date, source or sense
└── Unsupported                 this combination cannot be done; becomes a record, not a stop

A message says what is wrong, whose it is, and what to do next.
"""

from collections.abc import Iterable

FAILED = 1
"""Exit code of a command that ran, and could not do what it was asked for."""
INTERRUPTED = 130
"""The exit code of a command that Ctrl-C stopped."""


class HarnessError(Exception):
    """Bad input: the command line prints the message and exits with `exit_code`."""

    exit_code = 2


class PluginError(HarnessError):
    """A plugin failed, or no plugin brings a name."""


class SuiteError(HarnessError):
    """A suite file, or an option that changes one, is invalid."""


class DataError(HarnessError):
    """A data file or data set cannot be used."""


class StoreError(HarnessError):
    """The store cannot be read or written."""


class FactError(HarnessError):
    """A price, a use case or another fact lacks a date or source, or is implausible."""


class Unsupported(HarnessError):  # noqa: N818 - an outcome, named as the record names it
    """This combination cannot be done; the step's record says so and the suite goes on."""


def unknown(what: str, name: str, choices: Iterable[str]) -> str:
    """Return the sentence for an unknown name: what it is, the nearest name, all names."""
    from difflib import get_close_matches

    names = sorted(choices)
    by_lower = {each.lower(): each for each in names}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    hint = f" Did you mean {by_lower[near[0]]!r}?" if near else ""
    return f"Unknown {what} {name!r}.{hint} Known: {', '.join(names) or 'none'}."
