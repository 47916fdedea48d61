"""The conformance kit: many small named checks of a plugin's declarations.

    harness check mine.py                                   on the command line: a table
    print(harness.testing.check("mine.py"))                 in a notebook; pandas.DataFrame(...) takes it too

    @harness.testing.parametrize("mine.py")                 in a test: one test for each check
    def test_conformance(check): check()

A target is a file, a plugin, the name of something that a plugin declares, or a model reference such as
`scheme:folder`. A check that cannot run is skipped with a reason. An accepted failure is listed with its reason in the
declaration's `known_failures`; if its check passes, that is a failure.
"""

from harness.testing.findings import Check, CheckFailed, Finding, Findings
from harness.testing.targets import check, checks, parametrize

__all__ = ["Check", "CheckFailed", "Finding", "Findings", "check", "checks", "parametrize"]
