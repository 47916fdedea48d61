"""The server's process: Streamlit's application behind the guard.

`python -m harness_dashboards.server PORT [HOST …]`; `harness dashboard` starts it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ADDRESS = "127.0.0.1"
OPTIONS = {
    "server.address": ADDRESS,
    "server.headless": True,
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",
    "client.disableDataExport": True,  # its CSV holds cells that a spreadsheet runs: the pages have their own
    "theme.base": "light",
    "theme.primaryColor": "#1f5fbf",
}


def serve(port: int, hosts: Sequence[str]) -> None:
    """Serve the pages on a port until the process is ended.

    Args:
        port: on 127.0.0.1.
        hosts: further names under which browsers reach it.
    """
    from starlette.middleware import Middleware
    from streamlit.starlette import App

    from harness_dashboards.guard import Guard, first_page, policies

    guard = Middleware(Guard, hosts=hosts, headers=policies(first_page()))
    App(Path(__file__).with_name("app.py"), middleware=[guard]).run(config={**OPTIONS, "server.port": port})


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:])
