"""Runtimes on real models: what is exported answers as PyTorch does, for every batch size, or is refused."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from harness import Assignment, Codec, Data, Learner, Model, Progress, Scores, Unsupported, onnx_session
from harness.onnx_session import PROVIDERS, Session, options, provider
from harness_hardware import _onnx_export
from harness_hardware._onnx_export import _compare
from harness_hardware.runtimes import Eager, OnnxRuntime

CUDA_PROVIDER = PROVIDERS["cuda"] in onnx_session.onnxruntime.get_available_providers()
SENTENCES = ["a short one", "this is rather longer than that", "no", "the last of them all"]
POINTS = [
    [0.1, -0.2, 0.3, 1.0],
    [0.5, 0.5, -0.5, 0.0],
    [2.0, 1.0, 0.0, -1.0],
    [1.0, 1.0, 1.0, 1.0],
    [0.0, 3.0, 0.0, 1.0],
]


class Nothing(Data):
    """No data: serving needs none."""

    digest = ""
    sizes: Mapping[str, int] = {}

    def evaluate(self, predict: Any, batch_size: int, split: str = "test") -> Scores:
        """Grade nothing."""
        return {}

    def queries(self) -> Sequence[Any]:
        """Send nothing."""
        return []

    def random_baseline(self) -> Mapping[str, float]:
        """Guess nothing."""
        return {}


class Points(Codec):
    """Four numbers → logits → the likelier class."""

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Stack them."""
        return {"points": np.asarray(inputs, dtype=np.float32)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Take the largest logit."""
        return [int(best) for best in arrays["scores"].argmax(1)]


class Words(Codec):
    """A sentence → word lengths, padded with 0 to the longest of the batch → logits."""

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Pad and mask."""
        ids = [[min(len(word), 15) for word in str(text).split()] for text in inputs]
        width = max(map(len, ids))
        padded = np.array([row + [0] * (width - len(row)) for row in ids], dtype=np.int64)
        return {"ids": padded, "mask": (padded > 0).astype(np.int64)}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Return the logits as they are."""
        return arrays["scores"].tolist()


class Linear(torch.nn.Module):
    """A linear classifier with two outputs whose names are not in alphabetical order."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, points: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return logits and what they were made of."""
        scores = self.layer(points)
        return {"scores": scores, "doubled": 2 * scores}


class Averaged(torch.nn.Module):
    """An embedding, averaged over the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(16, 8)
        self.layer = torch.nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Average the words that are there."""
        weights = mask.unsqueeze(-1).float()
        return {"scores": self.layer((self.table(ids) * weights).sum(1) / weights.sum(1))}


class Baked(Linear):
    """A linear classifier that knows its batch size by heart."""

    def forward(self, points: torch.Tensor) -> dict[str, torch.Tensor]:
        """Reshape to the batch it was exported with."""
        return {"scores": self.layer(points).reshape(int(points.shape[0]), 3).expand(2, 3)}


class FixedLength(Linear):
    """A classifier of four integers: its second size is no length of a sequence."""

    def forward(self, points: torch.Tensor) -> dict[str, torch.Tensor]:
        """Take the integers for numbers."""
        return {"scores": self.layer(points.float())}


class Integers(Points):
    """Four integers."""

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Round them."""
        return {"points": np.rint(inputs).astype(np.int64)}


class Grown(Learner):
    """A torch module that has nothing left to learn."""

    def __init__(self, module: torch.nn.Module, codec: Codec) -> None:
        self._module = module
        self._codec = codec

    def step(self) -> Progress:
        """Learn nothing."""
        return Progress({"samples": 0}, {}, done=True)

    def save(self, folder: Path) -> None:
        """Write the weights."""
        torch.save(self._module.state_dict(), folder / "weights.pt")

    def load(self, folder: Path) -> None:
        """Read the weights."""
        self._module.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Answer with PyTorch."""
        tensors = {name: torch.from_numpy(array) for name, array in self._codec.encode(inputs).items()}
        with torch.no_grad():
            return self._codec.decode({name: value.numpy() for name, value in self._module(**tensors).items()})

    def module(self) -> torch.nn.Module:
        """Return the module, in training mode."""
        return self._module.train()


class Toy(Model):
    """A module and a codec."""

    name = "toy"
    summary = "A module and a codec"
    kinds = ("toys",)
    formats = ("onnx",)

    def __init__(self, network: type[torch.nn.Module], codec: type[Codec]) -> None:
        self._network = network
        self._codec = codec

    def learner(self, assignment: Assignment) -> Grown:
        """Build it with fresh weights."""
        torch.manual_seed(assignment.seed)
        return Grown(self._network(), self._codec())

    def codec(self, folder: Path) -> Codec:
        """Build the codec, which needs nothing from the folder."""
        return self._codec()


ASSIGNMENT = Assignment("finetune", Nothing(), "default", {}, "cpu", "fp32", seed=1)
OTHER_WEIGHTS = Assignment("finetune", Nothing(), "default", {}, "cpu", "fp32", seed=2)


def grown(model: Toy, folder: Path) -> Grown:
    """Return a learner whose weights are in the folder."""
    learner = model.learner(ASSIGNMENT)
    learner.save(folder)
    return learner


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Export the embedding model once."""
    model, folder, trained = Toy(Averaged, Words), tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("in")
    learner = grown(model, trained)
    readings = OnnxRuntime().export(model, learner, trained, SENTENCES, folder)
    return {"model": model, "learner": learner, "folder": folder, "trained": trained, "readings": readings}


def test_eager_answers_as_what_was_trained(tmp_path: Path) -> None:
    """The predictor has the weights of the artifact, not those it was built with."""
    model = Toy(Linear, Points)
    learner = grown(model, tmp_path)

    predict = Eager().predictor(model, OTHER_WEIGHTS, tmp_path, None)

    assert predict(POINTS) == learner.predict(POINTS)


def test_an_export_says_how_far_it_is_off(exported: dict[str, Any]) -> None:
    """One of 4, a batch of 3 and all of them are compared: 8 sentences with 3 logits."""
    readings = exported["readings"]

    assert 0 <= readings["largest_difference"].value < 1e-5
    assert readings["compared_outputs"] == (24, "count", "measured")
    assert readings["checked_inputs"].value == len(SENTENCES)


def test_batch_and_sequence_are_open(exported: dict[str, Any]) -> None:
    """The file has named inputs and outputs, and sizes that are names where they vary."""
    graph = onnx.load(exported["folder"] / "model.onnx").graph
    shapes = {
        node.name: [size.dim_param or size.dim_value for size in node.type.tensor_type.shape.dim]
        for node in (*graph.input, *graph.output)
    }

    assert shapes == {"ids": ["batch", "sequence"], "mask": ["batch", "sequence"], "scores": ["batch", 3]}


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_serving_answers_as_pytorch(exported: dict[str, Any], size: int) -> None:
    """Every batch size and length gives the answers of the trained model, in order."""
    predict = OnnxRuntime().predictor(exported["model"], OTHER_WEIGHTS, exported["trained"], exported["folder"])

    answers = predict(SENTENCES[-size:])

    assert len(answers) == size
    np.testing.assert_allclose(answers, exported["learner"].predict(SENTENCES[-size:]), atol=1e-5)


def test_outputs_keep_their_names(tmp_path: Path) -> None:
    """Two outputs of one shape are not taken for each other, and classes are the same as PyTorch's."""
    model = Toy(Linear, Points)
    learner = grown(model, tmp_path)
    readings = OnnxRuntime().export(model, learner, tmp_path, POINTS, tmp_path)

    arrays = Session(tmp_path, "cpu").run(Points().encode(POINTS))
    np.testing.assert_allclose(arrays["doubled"], 2 * arrays["scores"], rtol=1e-6)
    assert readings["largest_difference"].value < 1e-5
    assert OnnxRuntime().predictor(model, ASSIGNMENT, tmp_path, tmp_path)(POINTS) == learner.predict(POINTS)


def test_a_baked_batch_is_refused(tmp_path: Path) -> None:
    """A graph that can answer for one batch size alone is an error that says so and what to do."""
    model = Toy(Baked, Points)

    with pytest.raises(ValueError, match=r"bakes a size in.*reshape with -1"):
        OnnxRuntime().export(model, grown(model, tmp_path), tmp_path, POINTS, tmp_path)


def test_a_size_that_was_baked_in_unseen_is_found() -> None:
    """Where the exporter notices nothing the comparison does: another shape for the same batch."""
    ours, theirs = {"scores": np.zeros((3, 4))}, {"scores": np.zeros((2, 4))}

    with pytest.raises(ValueError, match=r"bakes a size in.*shape \(2, 4\) for a batch of 3, not \(3, 4\)"):
        _compare(ours, theirs, 3)
    with pytest.raises(ValueError, match=r"returns \['scores'\], the module \['values'\]"):
        _compare({"values": np.zeros((2, 4))}, theirs, 2)


def test_a_fixed_length_stays_fixed(tmp_path: Path) -> None:
    """Integers that never differ in length are no sequence: the model is exported with the length it needs."""
    model = Toy(FixedLength, Integers)
    learner = grown(model, tmp_path)

    OnnxRuntime().export(model, learner, tmp_path, POINTS, tmp_path)

    assert OnnxRuntime().predictor(model, ASSIGNMENT, tmp_path, tmp_path)(POINTS) == learner.predict(POINTS)


def test_an_export_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The exporter's remarks stay off the screen, and an input alone is enough to export with."""
    model = Toy(Linear, Points)

    readings = OnnxRuntime().export(model, grown(model, tmp_path), tmp_path, POINTS[:1], tmp_path)

    assert capfd.readouterr() == ("", "")
    assert readings["checked_inputs"].value == 1


def test_a_model_without_the_format_is_unsupported(tmp_path: Path) -> None:
    """A model that declares no ONNX is refused by name before anything is written."""

    class Closed(Toy):
        name = "closed"
        formats = ()

    model = Closed(Linear, Points)

    with pytest.raises(Unsupported, match="closed cannot be exported to ONNX: it declares no format"):
        OnnxRuntime().export(model, grown(model, tmp_path), tmp_path, POINTS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_broken_weights_are_refused(tmp_path: Path) -> None:
    """Outputs that are not finite are an error, not a difference of 0."""
    model = Toy(Linear, Points)
    learner = grown(model, tmp_path)
    with torch.no_grad():
        learner.module().layer.weight.fill_(float("nan"))

    with pytest.raises(ValueError, match="not finite"):
        OnnxRuntime().export(model, learner, tmp_path, POINTS, tmp_path)


def test_serving_needs_an_export(tmp_path: Path) -> None:
    """Without an export there is nothing to serve."""
    with pytest.raises(Unsupported, match="toy was not exported"):
        OnnxRuntime().predictor(Toy(Linear, Points), ASSIGNMENT, tmp_path, None)


def test_a_device_without_provider_is_unsupported() -> None:
    """A build of ONNX Runtime that cannot use a device says so, and does not go to the processor in silence."""
    import onnxruntime

    assert provider("cpu") == "CPUExecutionProvider"
    with pytest.raises(Unsupported, match="cannot use 'tpu:0'"):
        provider("tpu:0")
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(Unsupported, match="install onnxruntime-gpu"):
            provider("cuda:0")


@pytest.fixture
def listed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ONNX Runtime list CUDA as a build for it does; its sessions get what is really here.

    So it is with such a build on a machine where a library of CUDA is missing: nothing is raised.
    """
    monkeypatch.setattr(onnx_session.onnxruntime, "get_available_providers", lambda: [*PROVIDERS.values()])


@pytest.mark.skipif(CUDA_PROVIDER, reason="sessions get CUDA here")
@pytest.mark.usefixtures("listed_only")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_session_on_another_device_is_refused(exported: dict[str, Any]) -> None:
    """ONNX Runtime goes to the processor in silence: the figures would be called a GPU's."""
    with pytest.raises(Unsupported, match="lists CUDAExecutionProvider and cannot start it on 'cuda:0'"):
        Session(exported["folder"], "cuda:0")


@pytest.mark.skipif(CUDA_PROVIDER, reason="sessions get CUDA here")
@pytest.mark.usefixtures("listed_only")
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_device_is_refused_before_the_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter takes long, and is not begun for a device that cannot be used."""
    model = Toy(Linear, Points)
    monkeypatch.setattr(_onnx_export, "_device", lambda module: torch.device("cuda:0"))

    with pytest.raises(Unsupported, match="cannot start it"):
        OnnxRuntime().export(model, grown(model, tmp_path), tmp_path, POINTS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_build_tells_its_devices_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an import; the processor is in every build."""
    package = tmp_path / "onnxruntime"
    (package / "capi").mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "onnxruntime")
    runtime = OnnxRuntime()

    assert runtime.unavailable("cpu") is None
    assert "a build without CUDA: install onnxruntime-gpu" in str(runtime.unavailable("cuda"))

    (package / "capi" / "libonnxruntime_providers_cuda.so").touch()

    assert runtime.unavailable("cuda") is None


def test_what_the_files_tell_is_what_the_build_lists() -> None:
    """The installed build lists CUDA where its files have it, and does not where they have not."""
    assert (OnnxRuntime().unavailable("cuda") is None) == CUDA_PROVIDER


def test_threads_are_those_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime takes as many threads as torch would: all processors, or what the variable says."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    everything = options().intra_op_num_threads
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    assert everything >= 1
    assert options().intra_op_num_threads == 1


def test_serving_imports_no_torch(exported: dict[str, Any]) -> None:
    """A process that serves an export needs ONNX Runtime, not torch, and starts no thread that sends usage."""
    code = (
        "import json, os, sys\nfrom pathlib import Path\nimport numpy\n"
        "before = len(os.listdir('/proc/self/task')) if sys.platform == 'linux' else 0\n"
        "from harness.onnx_session import Session, onnxruntime\n"
        "after = len(os.listdir('/proc/self/task')) if sys.platform == 'linux' else 0\n"
        f"session = Session(Path({str(exported['folder'])!r}), 'cpu')\n"
        "ids = numpy.array([[1, 5, 3]])\n"
        "scores = session.run({'ids': ids, 'mask': numpy.ones_like(ids)})\n"
        "print(json.dumps([scores['scores'].tolist(), 'torch' in sys.modules, after - before]))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    scores, torch_loaded, threads = json.loads(done.stdout)

    np.testing.assert_allclose(scores, exported["learner"].predict(["a short one"]), atol=1e-5)
    assert (torch_loaded, threads, done.stderr) == (False, 0, "")
