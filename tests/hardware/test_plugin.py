"""What the plugin brings, and how little it imports to say so."""

import subprocess
import sys

import pytest

import harness_hardware
from harness import PriceBook, Runtime
from harness_hardware import cuda

HEAVY = ("torch", "numpy", "onnx", "onnxruntime", "pynvml", "psutil", "mlperf_loadgen")


def run(code: str) -> str:
    """Run Python in a fresh process and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def test_what_it_brings() -> None:
    """Hardware, runtimes and the price books are there under their names."""
    runtimes: list[Runtime] = list(harness_hardware.harness_runtimes())
    books: list[PriceBook] = list(harness_hardware.harness_price_books())

    assert [hardware.name for hardware in harness_hardware.harness_hardware()] == ["cpu", "cuda"]
    assert [(runtime.name, runtime.format) for runtime in runtimes] == [("eager", None), ("onnxruntime", "onnx")]
    assert [book.name for book in books] == ["cloud", "spot", "commitment-1y", "commitment-3y"]


def test_the_door_is_light() -> None:
    """Declaring hardware and runtimes imports nothing heavy and reads no prices."""
    loaded = run(
        "import sys, harness_hardware as h\n"
        "list(h.harness_hardware()), list(h.harness_runtimes())\n"
        f"print([name for name in {(*HEAVY, 'harness_hardware.prices')!r} if name in sys.modules])"
    )

    assert loaded == "[]"


def test_asking_for_cuda_imports_no_torch() -> None:
    """Whether there is a device is found out without torch, which takes seconds to import."""
    loaded = run(
        "import sys, harness_hardware as h\n"
        "[hardware.unavailable() for hardware in h.harness_hardware()]\nprint('torch' in sys.modules)"
    )

    assert loaded == "False"


class Nvml:
    """NVML on a machine with one device."""

    @staticmethod
    def nvmlDeviceGetCount() -> int:  # noqa: N802 - as NVML calls it
        """Return how many devices there are."""
        return 1

    @staticmethod
    def nvmlDeviceGetHandleByIndex(index: int) -> str:  # noqa: N802 - likewise
        """Return a device's handle."""
        return f"device {index}"


def test_the_only_device_is_found_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan describes the hardware: it waits for no import, and the harness's own process opens no device."""
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it fails

    assert cuda._handle(Nvml()) == "device 0"


def test_preloaded_modules_survive_a_fork() -> None:
    """A child forked after the preload multiplies with torch and opens an ONNX Runtime session."""
    printed = run(
        "import importlib, os, sys, harness_hardware as h\n"
        "[importlib.import_module(name) for runtime in h.harness_runtimes() for name in runtime.imports]\n"
        "import numpy, torch, onnx, onnxruntime\n"
        "if os.fork():\n"
        "    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
        "torch.ones(400, 400) @ torch.ones(400, 400)\n"
        "graph = onnx.parser.parse_model('<ir_version: 8, opset_import: [\"\": 18]>'\n"
        "    'g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }')\n"
        "session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=['CPUExecutionProvider'])\n"
        "print(session.run(None, {'x': -numpy.ones((2, 4), 'float32')})[0].sum())"
    )

    assert printed == "0.0"
