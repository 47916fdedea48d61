"""The reader of a folder with COCO JSON, and the message for every way it can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness import DataError, Task
from harness.plugins import load_plugins
from harness_vision.detection import DetectionData

COCO = dict[str, Any]


@pytest.fixture
def task() -> Task:
    """Return the task."""
    return load_plugins().tasks["object-detection"]


def _read(task: Task, folder: Path) -> DetectionData:
    data = task.data(str(folder), {"scenes": 1})
    assert isinstance(data, DetectionData)
    return data


def _coco(folder: Path, count: int = 20, first: int = 0, grey: bool = False) -> COCO:
    """Draw images of different sizes, a cat or a dog in each, and return their entries."""
    images, annotations = [], []
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        width, height = 40 + number % 3, 30
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels)
        (picture.convert("L") if grey else picture).save(folder / "images" / f"{number}.png")
        images.append({"id": 100 + number, "file_name": f"{number}.png", "width": width, "height": height})
        annotations.append(
            {"id": number, "image_id": 100 + number, "category_id": 7 + number % 2, "bbox": [number % 9, 3, 20, 10.5]}
        )
    categories = [{"id": 7, "name": "cat"}, {"id": 8, "name": "dog"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def _write(folder: Path, coco: COCO, name: str = "annotations.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(coco), encoding="utf-8")
    return path


def test_one_file_is_divided(task: Task, tmp_path: Path) -> None:
    """70/10/20; edges instead of width and height; names instead of numbers; nothing is written."""
    _write(tmp_path, _coco(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    task.check(str(tmp_path), {"scenes": 1})
    data = _read(task, tmp_path)

    assert sorted(tmp_path.rglob("*")) == before
    assert dict(data.sizes) == {"train": 14, "validation": 2, "test": 4}
    assert data.classes == ("cat", "dog")
    for split in data.sizes:
        for image, objects in zip(*data.scenes(split), strict=True):
            assert image.shape[0] == 30
            assert image.shape[2] == 3
            assert objects.boxes[0, 1:].tolist() == [3, objects.boxes[0, 0] + 20, 13.5]
    keys = [set(data.keys(split)) for split in data.sizes]
    assert sum(map(len, keys)) == len(set.union(*keys)) == 20


def test_the_order_of_the_entries_does_not_move_an_image(task: Task, tmp_path: Path) -> None:
    """A reversed file has the same images in the same splits."""
    coco = _coco(tmp_path)
    _write(tmp_path, coco)
    before = _read(task, tmp_path)
    _write(tmp_path, coco | {"images": coco["images"][::-1], "annotations": coco["annotations"][::-1]})
    after = _read(task, tmp_path)

    assert all(set(before.keys(split)) == set(after.keys(split)) for split in before.sizes)


def test_the_identity_changes_with_a_pixel_and_with_a_box(task: Task, tmp_path: Path) -> None:
    """Not with the folder's name."""
    path = _write(tmp_path / "one", _coco(tmp_path / "one"))
    first = task.identity(str(tmp_path / "one"), {})
    (tmp_path / "one").rename(tmp_path / "two")
    moved = task.identity(str(tmp_path / "two"), {})
    _write(tmp_path / "two", json.loads((tmp_path / "two" / path.name).read_text(encoding="utf-8")) | {"info": "new"})
    box = task.identity(str(tmp_path / "two"), {})
    Image.new("L", (3, 3)).save(tmp_path / "two" / "images" / "more.png")

    assert first == moved != box != task.identity(str(tmp_path / "two"), {})


@pytest.mark.parametrize("names", [("train", "val", "test"), ("train", "val"), ("train", "test")])
def test_files_named_after_splits_are_the_splits(task: Task, tmp_path: Path, names: tuple[str, ...]) -> None:
    """A missing split is taken from train."""
    for place, name in enumerate(names):
        _write(tmp_path, _coco(tmp_path, first=20 * place), f"annotations/instances_{name}.json")
    data = _read(task, tmp_path)
    tested = tmp_path / "images" / f"{20 * (len(names) - 1)}.png"

    assert sum(data.sizes.values()) == 20 * len(names)
    assert data.sizes["test"] == 20
    assert data.sizes["validation"] == (20 if len(names) == 3 else 2)
    assert any(np.array_equal(np.asarray(Image.open(tested)), image) for image in data.scenes("test").images)


@pytest.mark.parametrize("images", ["", "images/"])
def test_the_layout_of_coco_is_read(task: Task, tmp_path: Path, images: str) -> None:
    """A folder of images beside each split's file, where two may have one name; captions are told."""
    for place, name in enumerate(("train2017", "val2017")):
        coco = _coco(tmp_path / name, first=20 * place)
        for number, entry in enumerate(coco["images"]):
            source = tmp_path / name / "images" / entry["file_name"]
            entry["file_name"] = f"{number:012}.png"
            (tmp_path / images / name).mkdir(parents=True, exist_ok=True)
            source.rename(tmp_path / images / name / entry["file_name"])
        (tmp_path / name / "images").rmdir()
        if images:
            (tmp_path / name).rmdir()
        _write(tmp_path, coco, f"annotations/instances_{name}.json")
        _write(tmp_path, {"images": coco["images"], "annotations": []}, f"annotations/captions_{name}.json")
    data = _read(task, tmp_path)

    assert dict(data.sizes) == {"train": 18, "validation": 2, "test": 20}
    assert all(name.startswith(f"{images}val2017/") for name in data.names["test"])
    assert data.how_read is not None
    assert data.how_read.splits["test"].origin == "the file instances_val2017.json, as there is no test split"
    assert data.how_read.ignored == tuple(
        f"annotations/captions_{name}.json (for another task of COCO)" for name in ("train2017", "val2017")
    )


def test_a_name_that_two_images_have_is_refused(task: Task, tmp_path: Path) -> None:
    """The boxes may be those of the other."""
    _write(tmp_path, _coco(tmp_path), "train.json")
    (tmp_path / "train").mkdir()
    Image.new("L", (40, 30)).save(tmp_path / "train" / "3.png")

    with pytest.raises(
        DataError, match=r"train\.json, image 103: is it .*images/3\.png or .*train/3\.png\? Remove one"
    ):
        _read(task, tmp_path)


def test_a_test_image_is_not_trained_on(task: Task, tmp_path: Path) -> None:
    """Even if both files have it."""
    coco = _coco(tmp_path)
    for name in ("train", "test"):
        _write(tmp_path, coco if name == "train" else coco | {"images": coco["images"][:5], "annotations": coco["annotations"][:5]}, f"{name}.json")  # fmt: skip  # noqa: E501
    data = _read(task, tmp_path)

    assert data.sizes["test"] == 5
    assert sum(data.sizes.values()) == 20
    assert not set(data.keys("train")) & set(data.keys("test"))


@pytest.mark.parametrize(("grey", "channels"), [((True, True), 1), ((True, False), 3)])
def test_grey_images_stay_grey_unless_others_are_coloured(
    task: Task, tmp_path: Path, grey: tuple[bool, bool], channels: int
) -> None:
    """A network takes one number of channels."""
    one, two = _coco(tmp_path, 10, 0, grey[0]), _coco(tmp_path, 10, 10, grey[1])
    _write(
        tmp_path,
        {name: one[name] + two[name] for name in ("images", "annotations")} | {"categories": one["categories"]},
    )
    data = _read(task, tmp_path)

    assert {image.shape[2] for split in data.sizes for image in data.scenes(split).images} == {channels}


def test_crowds_are_kept_but_not_graded(task: Task, tmp_path: Path) -> None:
    """Images without objects are kept too."""
    coco = _coco(tmp_path)
    coco["annotations"][0]["iscrowd"] = 1
    del coco["annotations"][1]
    _write(tmp_path, coco)
    data = _read(task, tmp_path)
    everything = [one for split in data.sizes for one in data.scenes(split).objects]

    assert sum(one.crowd.sum() for one in everything) == 1
    assert sum(len(one.labels) for one in everything) == 19
    assert sum(len(one.single().labels) for one in everything) == 18
    assert sum(len(answer) for split in data.sizes for answer in data.references(split)) == 18


def test_a_box_over_the_edge_by_rounding_ends_there(task: Task, tmp_path: Path) -> None:
    """Half a pixel is no error."""
    coco = _coco(tmp_path)
    coco["annotations"] = [one | {"bbox": [-0.5, 0, 20, 30.4]} for one in coco["annotations"]]
    _write(tmp_path, coco)

    assert _read(task, tmp_path).scenes("train").objects[0].boxes.tolist() == [[0, 0, 19.5, 30]]


def _changed(list_: str, **entry: Any) -> Callable[[COCO], COCO]:
    return lambda coco: coco | {list_: [coco[list_][0], coco[list_][1] | entry, *coco[list_][2:]]}


def _without(list_: str, key: str) -> Callable[[COCO], COCO]:
    return lambda coco: (
        coco | {list_: [coco[list_][0], {k: v for k, v in coco[list_][1].items() if k != key}, *coco[list_][2:]]}
    )


WRONG: dict[str, tuple[Callable[[COCO], Any], str]] = {
    "no list": (lambda coco: coco | {"annotations": []}, "annotations.json has no list 'annotations', or it is empty"),
    "a list of rows": (lambda coco: coco["images"], "has no list 'images'"),
    "no file name": (_without("images", "file_name"), r"images\[1\]: it has no 'file_name'"),
    "an entry of one word": (lambda coco: coco | {"categories": ["cat"]}, r"categories\[0\]: it has no 'id'"),
    "an id twice": (_changed("images", id=100), r"images\[1\]: the id 100 is used twice"),
    "a category twice": (_changed("categories", name="cat"), r"categories\[1\]: the name 'cat' is used twice"),
    "a text for a crowd": (_changed("annotations", iscrowd="0"), r"\(id 1\): iscrowd is '0'. Give 0 or 1"),
    "a list for an id": (_changed("annotations", image_id=[1]), r"annotations\[1\]: a key holds a list"),
    "an unknown image": (_changed("annotations", image_id=5), r"annotations\[1\] \(id 1\): image_id 5 is not among"),
    "an unknown category": (_changed("annotations", category_id=9), "category_id 9 is not among the file's categories"),
    "three numbers": (_changed("annotations", bbox=[1, 2, 3]), r"\(id 1\): bbox \[1, 2, 3\] is no box"),
    "words": (_changed("annotations", bbox=["1", 2, 3, 4]), "is no box"),
    "no width": (_changed("annotations", bbox=[1, 2, 0, 4]), "is no box"),
    "not a number": (_changed("annotations", bbox=[1, float("nan"), 3, 4]), "is no box"),
    "outside": (_changed("annotations", bbox=[30, 2, 30, 4]), r"\(id 1\): its box from \(30, 2\) to \(60, 6\) leaves"),
    "before the edge": (_changed("annotations", bbox=[-3, 2, 30, 4]), "leaves its image of 41x30 pixels"),
    "a missing image": (_changed("images", file_name="x.png"), "image 101: there is no x.png"),
    "another size": (_changed("images", width=99), "it is 41x30 pixels; the entry says 99x30"),
    "too few": (
        lambda coco: coco | {"images": coco["images"][:2], "annotations": coco["annotations"][:2]}, "has 2 images"
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_errors_of_a_file_are_named(task: Task, tmp_path: Path, wrong: tuple[Callable[[COCO], Any], str]) -> None:
    """The file, the entry, the problem and what to do; nothing is written."""
    change, message = wrong
    _write(tmp_path, change(_coco(tmp_path)))
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(DataError, match=message) as raised:
        task.check(str(tmp_path), {"scenes": 1})
    assert str(tmp_path) in str(raised.value)
    assert str(raised.value).endswith(".")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 30])
def test_a_corrupt_image_is_named(task: Task, tmp_path: Path, content: bytes) -> None:
    """Empty, text, truncated; half of a real one too."""
    coco = _coco(tmp_path)
    _write(tmp_path, coco)
    whole = (tmp_path / "images" / "3.png").read_bytes()
    for bad in (content, whole[: len(whole) // 2]):
        (tmp_path / "images" / "3.png").write_bytes(bad)
        with pytest.raises(DataError, match=r"image 103: .*3\.png cannot be read as an image"):
            task.check(str(tmp_path), {"scenes": 1})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "annotations.json, line 1: not valid JSON"),
        (b"", "not valid JSON"),
        (rb'{"categories": [{"name": "\ud800"}]}', r"'\\ud800' holds '\\ud800', which is no character"),
        ('{"images": [{"file_name": "\u56fe\u7247\u6587\u4ef6.png"}]}'.encode("gbk"),
         "is not UTF-8. In gb18030 it reads .*\u56fe\u7247\u6587\u4ef6.*iconv -f gb18030"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_json_is_named(task: Task, tmp_path: Path, content: bytes, message: str) -> None:
    """With the line."""
    (tmp_path / "annotations.json").write_bytes(content)

    with pytest.raises(DataError, match=message):
        task.check(str(tmp_path), {"scenes": 1})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_fine(task: Task, tmp_path: Path, encoding: str) -> None:
    """As Windows writes it."""
    coco = _coco(tmp_path)
    coco["categories"][0]["name"] = "\u732b"
    _write(tmp_path, coco).write_text(json.dumps(coco, ensure_ascii=False), encoding=encoding)

    assert _read(task, tmp_path).classes == ("\u732b", "dog")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no JSON file"),
        (("one", "two"), "0.png is listed in .*one.json and in .*two.json"),
        (("train1", "train2"), "0.png is listed in .*train1.json and in .*train2.json"),
        (("val", "test"), "has the splits test, validation. Call the one to train on `train`"),
        (("train", "latest"), "train.json is named as a split, latest.json is not"),
        (("train", "test/train"), "the folder test and the file train.json stand for two splits"),
    ],
)
def test_files_that_are_no_clear_splits_are_rejected(
    task: Task, tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    """Splits are not guessed."""
    for name in names:
        _write(tmp_path, _coco(tmp_path), f"{name}.json")

    with pytest.raises(DataError, match=message):
        task.check(str(tmp_path), {"scenes": 1})


def test_a_file_in_place_of_a_folder_is_rejected(task: Task, tmp_path: Path) -> None:
    """As is a missing one."""
    path = _write(tmp_path, _coco(tmp_path))

    for source in (str(path), str(tmp_path / "nowhere")):
        with pytest.raises(DataError, match="There is no folder"):
            task.check(source, {"scenes": 1})
        with pytest.raises(DataError, match="There is no folder"):
            task.identity(source, {})
