"""ONNX Runtime, imported with its telemetry switched off.

From 1.29 on it starts a thread at import that sends usage to its maker, writes an identifier below `~/.cache`, and
makes a forked child hang or abort at its end (microsoft/onnxruntime pull request 27379; seen with 1.32). The variable
is read once, at import, so it is set for the import alone.
"""

from __future__ import annotations

import os
from typing import Any

SWITCH = "ORT_DISABLE_TELEMETRY"


def _import() -> Any:
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "1"
    try:
        import onnxruntime
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
    onnxruntime.disable_telemetry_events()  # where somebody else imported it earlier
    return onnxruntime


onnxruntime = _import()
