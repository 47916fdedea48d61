"""Runs the toy suite as the command line does, with the toy family alone.

`drive.py STORE LOG SLEEP_S [JOBS [ON [SEEDS]]]`
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from rich.console import Console

from harness.plan import make_plan
from harness.plugin_files import FILE, import_file
from harness.plugins import Plugins
from harness.run import run_plan
from harness.screen import open_screen
from harness.store import open_store
from harness.suite import Source

TOY = Path(__file__).with_name("toy_plugin.py")


def main() -> int:
    """Plan, open the store, run what is left."""
    location, log, sleep_s = sys.argv[1], sys.argv[2], float(sys.argv[3])
    jobs = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    on = sys.argv[5] or None if len(sys.argv) > 5 else None
    seeds = int(sys.argv[6]) if len(sys.argv) > 6 else 1
    suite = {
        "name": "kills",
        "models": [{"name": "counter", "settings": {"sleep_s": sleep_s, "log": log}}],
        "tasks": ["parity"],
        "seeds": list(range(seeds)),
        "hardware": ["here"],
        "runtimes": ["plain", "paper"],
        "starts": ["pretrained", "scratch"],
        "budgets": {"pretrain": {"steps": 2}, "finetune": {"steps": 2}},
        "serve": {"seconds": 0.05, "queries": 5},
        "limits": {"time_s": 30},
    }
    plugins = Plugins()
    plugins.load("toy", str(TOY), FILE, lambda: import_file(TOY))
    source = Source("kills", yaml.safe_dump(suite))
    plan = make_plan(source.validate(), source, plugins)
    store = open_store(location, create=True)
    store.sweep()
    plan = plan.against(store.finished())
    with open_screen(Console(), plan) as screen:
        summary = run_plan(plan, plugins, store, screen, [str(TOY)], jobs=jobs, on=on)
    store.close()
    return 0 if summary.complete else 1


if __name__ == "__main__":
    sys.exit(main())
