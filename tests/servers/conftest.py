"""A real server with a checkpoint that was fine-tuned on prompts; tests here are run by `tox run -e servers`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.plugin_files import import_file

READY_S = 300.0
CHECKPOINT = "HARNESS_SERVED_CHECKPOINT"
"""Names a folder that `fine_tune_llama.py` wrote, to try again without training."""


class Running(NamedTuple):
    """A server of one checkpoint."""

    url: str
    model: str
    """What a request calls it."""
    server: str
    """`transformers` or `vllm`."""


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small Llama that was fine-tuned on prompts and labels."""
    if given := os.environ.get(CHECKPOINT):
        return Path(given)
    folder = tmp_path_factory.mktemp("checkpoints") / "llama"
    import_file(Path(__file__).with_name("fine_tune_llama.py")).fine_tune(folder)
    return folder


@pytest.fixture(scope="session", params=["transformers", "vllm"])
def running(
    request: pytest.FixtureRequest, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Start `transformers serve`, or vLLM where it is installed, and return where it answers."""
    port = _free_port()
    command, name = _command(request.param, checkpoint, port)
    log = tmp_path_factory.mktemp("servers") / f"{request.param}.log"
    with log.open("wb") as output:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, log)
            yield Running(f"http://127.0.0.1:{port}/v1", name, request.param)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _command(server: str, checkpoint: Path, port: int) -> tuple[list[str], str]:
    """Return how a server is started, and what it calls the checkpoint."""
    program = Path(sys.executable).with_name(server)
    path = str(program) if program.is_file() else shutil.which(server)
    if path is None:
        pytest.skip(f"{server} is not installed: there is no such command.")
    place = ["--host", "127.0.0.1", "--port", str(port)]
    if server == "vllm":
        name = "fine-tuned"
        named = ["--served-model-name", name, "--dtype", "float32", "--enforce-eager"]
        return [path, "serve", str(checkpoint), *named, *place], name
    return [path, "serve", "--device", "cpu", "--dtype", "float32", *place], str(checkpoint)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers; fail with the end of its log where it does not."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - a server of this test
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"The server does not answer at {url}:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
