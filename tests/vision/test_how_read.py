"""How pictures and clips of the user's are read: every file is used or named, and the report says what was done."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness import Data, DataError
from harness.plugins import load_plugins
from harness.reading import Dropped, FileRead, HowRead
from harness.settings import filled


def _read(source: Path, task: str = "image-classification") -> tuple[Data, HowRead]:
    declared = load_plugins().tasks[task]
    data: Data = declared.data(str(source), filled({}, declared.settings))
    assert data.how_read is not None
    return data, data.how_read


def _picture(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 9, 3), dtype=np.uint8)).save(path)
    return path


def _pictures(folder: Path, *names: str, first: int = 0) -> None:
    for number, name in enumerate(names):
        _picture(folder / name, first + number)


# Pictures ---------------------------------------------------------------------------------------------------


def test_words_in_the_names_of_pictures_decide_nothing(tmp_path: Path) -> None:
    """All pictures are used, whatever they are called, in any suffix that is read."""
    for place, label in enumerate(("猫", "dogs")):
        names = ["unit-test-3.png", "train.PNG", "test.jpg", "val_1.bmp", *(f"{n}.png" for n in range(8))]
        _pictures(tmp_path, *(f"{label}/{name}" for name in names), first=100 * place)
    (tmp_path / "README.md").write_text("pets", encoding="utf-8")
    (tmp_path / "dogs" / ".DS_Store").write_bytes(b"x")
    data, how = _read(tmp_path)

    assert sum(data.sizes.values()) == 24
    assert sorted(how.files) == [FileRead("dogs/", 12, None), FileRead("猫/", 12, None)]
    assert how.ignored == ("README.md (about the data)", "dogs/.DS_Store (hidden)")
    assert how.splits["test"].origin == "from 70/10/20 by hash of the pixels"
    assert how.classes == {"dogs": 12, "猫": 12}
    assert {row["image"] for split in data.sizes for row in data.rows(split) or ()} >= {"猫/test.jpg", "dogs/train.PNG"}


def test_folders_in_capitals_and_below_others_are_splits(tmp_path: Path) -> None:
    """A class may be called as a split is."""
    for place, split in enumerate(("Train", "VALID", "test")):
        names = [f"photos/{split}/{label}/{n}.png" for label in ("train", "bus") for n in range(5)]
        _pictures(tmp_path, *names, first=100 * place)
    data, how = _read(tmp_path)

    assert data.sizes == {"train": 10, "validation": 10, "test": 10}
    assert how.splits["validation"].origin == "the folder VALID"
    assert how.classes == {"bus": 15, "train": 15}


def test_a_folder_of_parquet_files_is_read(tmp_path: Path) -> None:
    """As the hub's libraries write them."""
    for number, name in enumerate(("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")):
        contents = [_picture(tmp_path.parent / "y.png", 10 * number + n).read_bytes() for n in range(10)]
        rows = {"image": [{"bytes": one, "path": None} for one in contents], "label": [n % 2 for n in range(10)]}
        features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
        (tmp_path / "data").mkdir(exist_ok=True)
        datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "data" / f"{name}.parquet")
    data, how = _read(tmp_path)

    assert sum(data.sizes.values()) == 30
    assert data.sizes["test"] == 10
    assert how.files[0] == FileRead("data/test-00000-of-00001.parquet", 10, "test")
    assert how.columns == {"image_column": "image", "label_column": "label"}


def test_metadata_name_the_classes_of_a_folder(tmp_path: Path) -> None:
    """In the hub's format, by split."""
    for place, split in enumerate(("train", "test")):
        _pictures(tmp_path / split, *(f"{n}.png" for n in range(10)), first=100 * place)
        rows = [{"file_name": f"{n}.png", "label": "ab"[n % 2]} for n in range(10)]
        pd.DataFrame(rows).to_parquet(tmp_path / split / "metadata.parquet")
    data, how = _read(tmp_path)

    assert data.sizes["test"] == 10
    assert sum(data.sizes.values()) == 20
    assert how.classes == {"a": 10, "b": 10}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a/1.png", "b/2.png", "labels.txt"), r"labels\.txt cannot be read: no picture"),
        (("a/1.png", "b/2.png", "3.png"), r"3\.png lies outside of the folders of classes"),
        (("a/1.png", "b/2.png", "b/more/3.png"), r"a/1\.png, b/2\.png lie outside"),
        (("train/a/1.png", "test/a/2.png", "extra/a/3.png"), r"named as a split, extra/a/3\.png is not"),
        (("train/1.png", "test/2.png"), "a folder of its own, within that of the split"),
        (("my_train/a/1.png", "my_test/a/2.png"), "my_test and my_train may be splits or not"),
    ],
)
def test_pictures_without_a_clear_place_are_refused(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    """With their names."""
    for number, name in enumerate(names):
        if name.endswith(".png"):
            _picture(tmp_path / name, number)
        else:
            (tmp_path / name).write_text("x", encoding="utf-8")

    with pytest.raises(DataError, match=message):
        _read(tmp_path)


# Clips ------------------------------------------------------------------------------------------------------


def _clip(path: Path, number: int, frames: int = 3) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (frames, 8, 9), dtype=np.uint8)
    first, *rest = [Image.fromarray(frame) for frame in pixels]
    first.save(path, save_all=True, append_images=rest)


def test_clips_are_reported(tmp_path: Path) -> None:
    """Their classes, copies, and frames that are not used."""
    for place, label in enumerate(("wave", "训练有素")):
        for number in range(10):
            _clip(tmp_path / label / f"test-{number}.gif", 100 * place + number, 40 if number == 0 else 3)
    _clip(tmp_path / "wave" / "again.gif", 1)
    data, how = _read(tmp_path, "video-classification")

    assert sum(data.sizes.values()) == 20
    assert sorted(how.files) == [FileRead("wave/", 11, None), FileRead("训练有素/", 10, None)]
    assert how.ignored == ("frames beyond 32 of 2 clips (evenly spaced ones are kept)",)
    assert how.dropped == (Dropped(1, "copies of others"),)


def test_folders_of_clips_are_splits_by_any_of_their_names(tmp_path: Path) -> None:
    """In capitals; validation by all its names."""
    for place, split in enumerate(("TRAIN", "dev", "Test")):
        for number in range(12):
            _clip(tmp_path / split / "ab"[number % 2] / f"{number}.gif", 100 * place + number)
    data, how = _read(tmp_path, "video-classification")

    assert data.sizes == {"train": 12, "validation": 12, "test": 12}
    assert how.splits["validation"].origin == "the folder dev"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("notes.txt", r"notes\.txt lies outside of the folders of classes"),
        ("train/stray.gif", r"train/stray\.gif lies outside of the folders of classes"),
        ("extra/a/1.gif", "named as a split, extra is not"),
    ],
)
def test_clips_without_a_clear_place_are_refused(tmp_path: Path, extra: str, message: str) -> None:
    """With their names."""
    for place, split in enumerate(("train", "test")):
        for number in range(12):
            _clip(tmp_path / split / "ab"[number % 2] / f"{number}.gif", 100 * place + number)
    _clip(tmp_path / extra, 999) if extra.endswith("gif") else (tmp_path / extra).write_text("x", encoding="utf-8")

    with pytest.raises(DataError, match=message):
        _read(tmp_path, "video-classification")


# Objects ----------------------------------------------------------------------------------------------------


def _coco(path: Path, first: int, count: int = 10, images: str = "") -> None:
    """Write images beside a JSON file with a box in each."""
    entries = []
    for number in range(first, first + count):
        _picture(path.parent / images / f"{number}.png", number)
        entries.append({"id": number, "file_name": f"{images}{number}.png"})
    boxes = [{"id": n, "image_id": one["id"], "category_id": 1, "bbox": [1, 1, 4, 4]} for n, one in enumerate(entries)]
    coco = {"images": entries, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
    path.write_text(json.dumps(coco), encoding="utf-8")


def test_several_json_files_are_one_source(tmp_path: Path) -> None:
    """Whatever words their names contain; an image that none of them lists is named."""
    for number, name in enumerate(("latest", "trains", "周一")):
        _coco(tmp_path / f"{name}.json", 100 * number)
    _picture(tmp_path / "stray.png", 999)
    data, how = _read(tmp_path, "object-detection")

    assert sum(data.sizes.values()) == 30
    assert sorted(how.files) == [FileRead(f"{name}.json", 10, None) for name in ("latest", "trains", "周一")]
    assert how.ignored == ("stray.png (in no JSON file)",)
    assert how.classes == {"cat (objects)": 30}


@pytest.mark.parametrize(
    "names",
    [
        ("Train.json", "valid.json", "test.json"),
        ("instances_train2017.json", "instances_val2017.json", "instances_test2017.json"),
        ("train/_annotations.coco.json", "valid/_annotations.coco.json", "test/_annotations.coco.json"),
    ],
)
def test_splits_of_objects_are_named_by_files_or_folders(tmp_path: Path, names: tuple[str, ...]) -> None:
    """As COCO names them, and as tools that export it do."""
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        _coco(tmp_path / name, 100 * number)
    data, how = _read(tmp_path, "object-detection")

    assert data.sizes == {"train": 10, "validation": 10, "test": 10}
    assert {file.split for file in how.files} == set(data.sizes)


def test_names_that_may_be_splits_are_refused(tmp_path: Path) -> None:
    """Of COCO files, and of folders of clips."""
    for number, name in enumerate(("train", "val")):
        _coco(tmp_path / "coco" / f"cats_{name}.json", 100 * number)
        _clip(tmp_path / "clips" / f"2020-{name}" / "1.gif", number)

    for folder, task, names in (
        ("coco", "object-detection", "cats_.*cats_"),
        ("clips", "video-classification", "2020-"),
    ):
        with pytest.raises(DataError, match=f"{names}.* may be splits or not"):
            _read(tmp_path / folder, task)


def test_other_files_beside_objects_are_refused(tmp_path: Path) -> None:
    """By name."""
    _coco(tmp_path / "all.json", 0)
    (tmp_path / "classes.txt").write_text("cat", encoding="utf-8")

    with pytest.raises(DataError, match=r"classes\.txt is no image and no COCO JSON"):
        _read(tmp_path, "object-detection")
