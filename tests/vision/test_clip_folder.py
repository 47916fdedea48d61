"""The reader of a folder of clips by class, and the message for every way it can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness import Assignment, Budget, DataError, Task
from harness.plugins import load_plugins
from harness.settings import filled
from harness_vision.clips import ClipClassificationData
from harness_vision.video import Conv3d


@pytest.fixture
def task() -> Task:
    """Return the task."""
    return load_plugins().tasks["video-classification"]


def _read(task: Task, folder: Path) -> ClipClassificationData:
    data = task.data(str(folder), {"clips": 8})
    assert isinstance(data, ClipClassificationData)
    return data


def _frames(seed: int, count: int = 5, size: tuple[int, int] = (24, 16), colour: bool = False) -> list[Image.Image]:
    """Return frames whose first pixels number them: 10, 20 and so on."""
    shape = (count, size[1], size[0], 3) if colour else (count, size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    for number, frame in enumerate(pixels):
        frame[:4, :4] = 10 * (number + 1) % 250
    return [Image.fromarray(frame) for frame in pixels]


def _animation(path: Path, seed: int, **more: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = _frames(seed, **more)  # type: ignore[arg-type]
    first.save(path, save_all=True, append_images=others, **({"lossless": True} if path.suffix == ".webp" else {}))


def _pictures(folder: Path, seed: int, **more: object) -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(_frames(seed, **more)):  # type: ignore[arg-type]
        frame.save(folder / f"frame{number}.png")


def _folder(folder: Path, count: int = 10, first: int = 0) -> Path:
    """Write two classes, in which animations alternate with folders of pictures."""
    for place, name in enumerate(("fall", "rise")):
        for number in range(count):
            path, seed = folder / name / f"clip{number}", first + place * count + number
            _ = _animation(path.with_suffix(".gif"), seed) if number % 2 else _pictures(path, seed)
    return folder


def test_one_folder_is_divided(task: Task, tmp_path: Path) -> None:
    """70/10/20 of each class; nothing is written; other files are ignored."""
    folder = _folder(tmp_path)
    (folder / "README.md").write_text("clips", encoding="utf-8")
    (folder / "fall" / ".hidden").write_text("", encoding="utf-8")
    before = sorted(folder.rglob("*"))
    task.check(str(folder), {"clips": 8})
    data = _read(task, folder)

    assert sorted(folder.rglob("*")) == before
    assert (data.classes, dict(data.sizes)) == (("fall", "rise"), {"train": 14, "validation": 2, "test": 4})
    for split in data.sizes:
        clips, labels = data.examples(split)
        assert {clip.shape for clip in clips} == {(5, 16, 24, 1)}
        assert sorted(labels) == [0] * (len(labels) // 2) + [1] * (len(labels) // 2)
    keys = [set(data.keys(split)) for split in data.sizes]
    assert len(set.union(*keys)) == 20


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_frames_are_read_in_order_from_any_animation(task: Task, tmp_path: Path, suffix: str) -> None:
    """GIF, WebP and APNG."""
    for number in range(3):
        for name in ("a", "b"):
            _animation(tmp_path / name / f"{number}{suffix}", number + 10 * (name == "b"))
    (clip, *_), _ = _read(task, tmp_path).examples("train")

    assert np.allclose(clip[:, 1, 1, 0], [10, 20, 30, 40, 50], atol=3)


def test_pictures_of_a_folder_are_ordered_by_their_numbers(task: Task, tmp_path: Path) -> None:
    """Frame 10 comes after frame 9."""
    for number in range(3):
        _pictures(tmp_path / "a" / str(number), number, count=12)
        _pictures(tmp_path / "b" / str(number), 10 + number, count=12)
    (clip, *_), _ = _read(task, tmp_path).examples("train")

    assert clip[:, 0, 0, 0].tolist() == [10 * number for number in range(1, 13)]


def test_long_and_large_clips_are_made_smaller(task: Task, tmp_path: Path) -> None:
    """To 32 frames of 128 pixels; the proportions of a frame stay."""
    for number in range(3):
        _pictures(tmp_path / "a" / str(number), number, count=25, size=(256, 128))
        _animation(tmp_path / "b" / f"{number}.gif", 10 + number, count=70, size=(20, 16))
    clips, labels = _read(task, tmp_path).examples("train")

    assert {clip.shape for clip, label in zip(clips, labels, strict=True) if label == 0} == {(25, 64, 128, 1)}
    assert {len(clip) for clip, label in zip(clips, labels, strict=True) if label == 1} == {32}


def test_one_clip_in_colour_makes_all_clips_colour(task: Task, tmp_path: Path) -> None:
    """A network has one number of channels."""
    folder = _folder(tmp_path)
    _pictures(folder / "rise" / "colour", 99, colour=True)
    data = _read(task, folder)

    assert {clip.shape[3] for split in data.sizes for clip in data.examples(split).inputs} == {3}


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        (("train", "validation", "test"), {"train": 20, "validation": 6, "test": 6}),
        (("train", "val"), {"train": 18, "validation": 2, "test": 6}),
        (("train", "test"), {"train": 18, "validation": 2, "test": 6}),
        (("train",), {"train": 14, "validation": 2, "test": 4}),
    ],
    ids=str,
)
def test_folders_named_after_splits_are_the_splits(
    task: Task, tmp_path: Path, names: tuple[str, ...], sizes: dict[str, int]
) -> None:
    """A missing split is taken from train."""
    for place, name in enumerate(names):
        _folder(tmp_path / name, 10 if name == "train" else 3, first=100 * place)
    data = _read(task, tmp_path)

    assert dict(data.sizes) == sizes


def test_a_class_may_be_called_train(task: Task, tmp_path: Path) -> None:
    """If another folder is not named after a split."""
    for number in range(4):
        _animation(tmp_path / "train" / f"{number}.gif", number)
        _animation(tmp_path / "plane" / f"{number}.gif", 10 + number)

    assert _read(task, tmp_path).classes == ("plane", "train")


def test_a_test_clip_is_not_trained_on(task: Task, tmp_path: Path) -> None:
    """Even if both folders have it; a clip that is there twice counts once."""
    _folder(tmp_path / "train")
    _folder(tmp_path / "test", 3)
    _animation(tmp_path / "train" / "fall" / "again.gif", 3)
    data = _read(task, tmp_path)

    assert sum(data.sizes.values()) < 20 + 1
    assert not set(data.keys("train")) & set(data.keys("test"))


def test_the_identity_changes_with_a_file_and_not_with_the_place(task: Task, tmp_path: Path) -> None:
    """The folder may be renamed."""
    _folder(tmp_path / "one", 3)
    first = task.identity(str(tmp_path / "one"), {})
    (tmp_path / "one").rename(tmp_path / "two")
    moved = task.identity(str(tmp_path / "two"), {})
    _animation(tmp_path / "two" / "fall" / "more.gif", 50)

    assert first == moved != task.identity(str(tmp_path / "two"), {})


def _break(folder: Path, how: str) -> None:
    if how == "text":
        (folder / "fall" / "notes.gif").write_text("no picture", encoding="utf-8")
    elif how == "cut":
        path = folder / "fall" / "clip1.gif"
        path.write_bytes(path.read_bytes()[:900])
    elif how == "still":
        _animation(folder / "fall" / "still.gif", 77, count=1)
    elif how == "empty":
        (folder / "fall" / "nothing").mkdir()
    elif how == "sizes":
        Image.new("L", (9, 9)).save(folder / "fall" / "clip0" / "frame9.png")
    elif how == "twice":
        _animation(folder / "rise" / "same.gif", 1)
    elif how == "few":
        for number in range(2):
            _animation(folder / "sink" / f"{number}.gif", 200 + number)
    elif how == "bare":
        (folder / "sink").mkdir()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("text", r"fall/notes\.gif cannot be read as an image"),
        ("cut", r"fall/clip1\.gif cannot be read as an image"),
        ("still", r"fall/still\.gif has 1 frames: a clip needs at least 2"),
        ("empty", r"fall/nothing is empty"),
        ("sizes", r"fall/clip0: its frames differ in size, 9x9 and 24x16"),
        ("twice", r"rise/same\.gif and .*fall/clip1\.gif are the same clip in two classes"),
        ("few", r"sink has 2 different clips to divide"),
        ("bare", r"sink is empty\. Put the files in"),
    ],
)
def test_errors_of_a_folder_are_named(task: Task, tmp_path: Path, how: str, message: str) -> None:
    """Which file, and what is wrong with it."""
    _break(_folder(tmp_path), how)

    with pytest.raises(DataError, match=message):
        task.check(str(tmp_path), {"clips": 8})


def test_test_clips_of_an_unknown_class_are_rejected(task: Task, tmp_path: Path) -> None:
    """The message names the file."""
    _folder(tmp_path / "train", 3)
    _folder(tmp_path / "test", 3, first=50)
    _animation(tmp_path / "test" / "sink" / "0.gif", 99)

    with pytest.raises(DataError, match=r"test/sink/0\.gif: no training clip has its class 'sink'"):
        task.check(str(tmp_path), {"clips": 8})


@pytest.mark.parametrize(
    ("names", "message"),
    [((), "holds no folders"), (("alone",), "has only the class 'alone'")],
    ids=["none", "one"],
)
def test_fewer_than_two_classes_are_rejected(task: Task, tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    """There is nothing to classify."""
    for name in names:
        for number in range(3):
            _animation(tmp_path / name / f"{number}.gif", number)

    with pytest.raises(DataError, match=message):
        task.check(str(tmp_path), {"clips": 8})


def test_a_missing_folder_is_rejected(task: Task, tmp_path: Path) -> None:
    """By `identity` too, which is called first."""
    for ask in (task.identity, task.check, task.data):
        with pytest.raises(DataError, match="There is no folder"):
            ask(str(tmp_path / "missing"), {"clips": 8})


def test_a_model_learns_clips_of_any_size(task: Task, tmp_path: Path) -> None:
    """Colour and grey, long and short, small and large in one folder, with the colour as class."""
    for number in range(12):
        shape = {"count": 3 + number % 4, "size": (16 + number, 20 + number % 3)}
        _animation(tmp_path / "grey" / f"{number}.gif", number, **shape)
        folder = tmp_path / "red" / str(number)
        folder.mkdir(parents=True)
        for place, frame in enumerate(_frames(100 + number, colour=True, **shape)):  # type: ignore[arg-type]
            red = np.asarray(frame) * np.array([1, 0, 0], np.uint8)
            Image.fromarray(red).save(folder / f"{place}.png")
    data = _read(task, tmp_path)
    model = Conv3d()
    settings = filled({"image_size": 16, "batch_size": 8}, model.settings)
    learner = model.learner(Assignment("finetune", data, "tiny", settings, "cpu", "fp32", 0, Budget(steps=15)))
    for _ in range(15):
        learner.step()

    assert np.mean(data.evaluate(learner.predict, 4).scores["correct"]) == 1.0
    assert data.random_baseline()["accuracy"] == 0.5
