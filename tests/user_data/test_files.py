"""Which files of a folder belong to which split: exact names decide, and every file is used or named."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import DataError
from harness.user_data.files import every_file, located, split_files
from harness.user_data.names import ALL, split_of

SUFFIXES = (".csv", ".jsonl")
folders = st.lists(st.sampled_from(["train", "Test", "dev", "数据", "trains", ".git"]), max_size=2)
stems = st.sampled_from(
    [
        "train",
        "TEST",
        "dev",
        "val-00000-of-00001",
        "测试集",
        "train-tickets",
        "unit-test-3",
        "january",
        "README",
        "LICENSE",
    ]
)
suffixes = st.sampled_from([".csv", ".csv", ".csv", ".CSV", ".jsonl", ".docx", ".md"])
names = st.builds(lambda parts, stem, suffix: "/".join([*parts, stem + suffix]), folders, stems, suffixes)


def _write(folder: Path, *names: str, text: str = "text,label\n") -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _read(folder: Path) -> dict[str, list[str]]:
    """Return split → files, relative to the folder."""
    files = split_files(folder, SUFFIXES).files
    return {split: [path.relative_to(folder).as_posix() for path in paths] for split, paths in files.items()}


def _refusal(folder: Path) -> str | None:
    try:
        split_files(folder, SUFFIXES)
    except DataError as error:
        return str(error)
    return None


@given(st.sets(names, min_size=1, max_size=6))
def test_every_file_is_used_once_or_named(wanted: set[str]) -> None:
    """In a split, in what is ignored, or in the refusal."""
    with tempfile.TemporaryDirectory() as name:
        folder = _write(Path(name), *wanted)
        if (refusal := _refusal(folder)) is not None:
            empty = "empty" in refusal  # a folder with hidden files alone
            assert "holds no data" in refusal or any((Path(one).parts[0 if empty else -1]) in refusal for one in wanted)
            return
        listed = split_files(folder, SUFFIXES)
        used = [path.relative_to(folder).as_posix() for paths in listed.files.values() for path in paths]
        ignored = [one.rpartition(" (")[0] for one in listed.ignored]

        assert sorted([*used, *ignored]) == sorted(wanted)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"), ("TRAIN", "train"), ("training", "train"), ("训练集", "train"),
        ("train-00000-of-00002", "train"), ("test-00001-of-00002-0123456789abcdef", "test"),
        ("validation", "validation"), ("valid", "validation"), ("Val", "validation"), ("dev", "validation"),
        ("test", "test"), ("测试", "test"),
        ("train-tickets", None), ("unit-test-3", None), ("trains", None), ("train2017", None), ("train_1", None),
        ("latest", None), ("development", None), ("", None),
    ],
)  # fmt: skip
def test_only_exact_names_are_splits(name: str, split: str | None) -> None:
    """In any letters, with the suffix of a part that the hub's libraries write."""
    assert split_of(name) == split


def test_files_without_splits_are_one_source(tmp_path: Path) -> None:
    """Whatever words are in their names; files about the data and hidden ones are told."""
    _write(tmp_path, "january.csv", "train-tickets.csv", "more/二月.CSV", "README.md", "LICENSE", ".cache/x.csv")
    listed = split_files(tmp_path, SUFFIXES)

    assert {path.name for path in listed.files[ALL]} == {"january.csv", "train-tickets.csv", "二月.CSV"}
    assert listed.ignored == (".cache/x.csv (hidden)", "LICENSE (about the data)", "README.md (about the data)")


def test_files_and_folders_named_as_splits_are_the_splits(tmp_path: Path) -> None:
    """In capitals too; also below another folder."""
    _write(tmp_path / "a", "Train.csv", "DEV.csv", "test.jsonl")
    _write(tmp_path / "b", "data/training/1.csv", "data/training/2.csv", "data/valid/1.csv")
    _write(tmp_path / "c", "data/train-00000-of-00002.csv", "data/train-00001-of-00002.csv")

    assert _read(tmp_path / "a") == {"train": ["Train.csv"], "validation": ["DEV.csv"], "test": ["test.jsonl"]}
    assert _read(tmp_path / "b") == {
        "train": ["data/training/1.csv", "data/training/2.csv"],
        "validation": ["data/valid/1.csv"],
    }
    assert len(_read(tmp_path / "c")["train"]) == 2
    assert split_files(tmp_path / "b", SUFFIXES).origin["train"] == "the folder training"


def test_a_linked_folder_is_read(tmp_path: Path) -> None:
    """And a link back to a folder above it is not followed for ever."""
    _write(tmp_path / "elsewhere", "1.csv")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "data")

    assert [path.name for path in every_file(tmp_path / "data")] == ["1.csv"]


def test_a_folder_that_is_linked_twice_is_read_twice(tmp_path: Path) -> None:
    """Under each of its names; as a folder beside its link is."""
    _write(tmp_path / "elsewhere", "1.csv")
    data = _write(tmp_path / "data", "cats/2.csv")
    for name in ("dogs", "hens"):
        (data / name).symlink_to(tmp_path / "elsewhere")
    (data / "lions").symlink_to(data / "cats")

    assert [path.relative_to(data).as_posix() for path in every_file(data)] == [
        "cats/2.csv",
        "dogs/1.csv",
        "hens/1.csv",
        "lions/2.csv",
    ]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """A class or a split whose files were not fetched; hidden files do not fill it, hidden folders need none."""
    _write(tmp_path, "train/1.csv", ".git/hooks/x", "test/.gitkeep", "docs/README.md")
    (tmp_path / "train" / "deep" / "empty").mkdir(parents=True)
    (tmp_path / ".cache").mkdir()

    with pytest.raises(DataError, match=r"test, train/deep, train/deep/empty are empty\. Put the files in, or remove"):
        split_files(tmp_path, SUFFIXES)


@pytest.mark.parametrize("source", ["", " "])
def test_data_without_a_name_are_refused(source: str) -> None:
    """The working directory would be read."""
    with pytest.raises(DataError, match=r"The data have no name\. .* the current folder is `\.`"):
        located(source)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no data. Put files into it with the suffix .csv or .jsonl"),
        (("a.csv", "b.docx", "c.xlsx"), r"b\.docx, c\.xlsx are not read, only \.csv, \.jsonl"),
        (("train.csv", "january.csv"), r"train\.csv is named as a split, january\.csv is not"),
        (("train/a.csv", "test/b.csv", "c.csv"), r"named as a split, c\.csv is not"),
        (("train/test.csv",), r"train/test\.csv: the folder train and the file test\.csv stand for two splits"),
        (("train-00000-of-00002.csv",), "of the 2 files of train number 1 is missing"),
        (("my-train.csv", "my-test.csv"), r"my-test and my-train may be splits or not"),
        (("train-v1.1.jsonl", "dev-v1.1.jsonl", "x.csv"), r"dev-v1\.1 and train-v1\.1 may be splits"),
        (("train_2020/a.csv", "test_2020/a.csv"), "test_2020 and train_2020 may be splits or not"),
        (tuple(f"{n}.zip" for n in range(9)), r"0\.zip, 1\.zip, .*5\.zip and 3 more are not read"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_refused(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    """With the names and what to do."""
    with pytest.raises(DataError, match=message) as caught:
        split_files(_write(tmp_path, *names), SUFFIXES)
    assert str(tmp_path) in str(caught.value)


# README -----------------------------------------------------------------------------------------------------


def _readme(folder: Path, configs: str) -> Path:
    (folder / "README.md").write_text(f"---\nlicense: mit\n{configs}---\n# Data\n", encoding="utf-8")
    return folder


def test_the_configs_of_a_readme_decide(tmp_path: Path) -> None:
    """In the hub's format; what they leave out is told."""
    _write(tmp_path, "old/train.csv", "new/one.csv", "new/two.csv", "new/held.jsonl")
    files = "[{split: train, path: new/*.csv}, {split: dev, path: [new/held.jsonl]}]"
    configs = f"configs:\n- config_name: other\n  data_files: old/*\n- config_name: default\n  data_files: {files}\n"
    listed = split_files(_readme(tmp_path, configs), SUFFIXES)

    assert _read(tmp_path) == {"train": ["new/one.csv", "new/two.csv"], "validation": ["new/held.jsonl"]}
    assert listed.origin["train"] == "README.md's configs"
    assert "old/train.csv (not in README.md's configs)" in listed.ignored


@pytest.mark.parametrize("form", ['"*.csv"', '["a.csv", "test-b.csv"]', "[{path: '*.csv'}]"])
def test_configs_without_splits_make_one_source(tmp_path: Path, form: str) -> None:
    """As the hub's format allows."""
    _write(tmp_path, "a.csv", "test-b.csv")
    _readme(tmp_path, f"configs: [{{config_name: all, data_files: {form}}}]\n")

    assert _read(tmp_path) == {ALL: ["a.csv", "test-b.csv"]}


def test_a_readme_without_configs_decides_nothing(tmp_path: Path) -> None:
    """Names do."""
    _write(tmp_path, "train.csv", "test.csv")
    _readme(tmp_path, "tags: [x]\n")

    assert set(_read(tmp_path)) == {"train", "test"}


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        ("configs: [{data_files: [{split: train, path: b.csv}]}]\n", r"no file matches 'b\.csv'"),
        ("configs: [{data_files: [{split: extra, path: a.csv}]}]\n", "the split 'extra' is none of train, validation"),
        ("configs: [{data_files: {train: a.csv, test: a.csv}}]\n", r"a\.csv is in train and in test"),
        ("configs: [{data_files: [{split: train, path: a.csv}, c.csv]}]\n", "some of `data_files` have a split"),
        ("configs: [{config_name: a, data_files: a.csv}, {config_name: b, data_files: c.csv}]\n", "the configs a, b"),
        ("configs: [{data_files: [{split: train}]}]\n", "Give `split` and `path`"),
        ("configs: 7\n", "is no list of mappings"),
        ("configs: [\n", "is no YAML"),
        ("configs: [{data_files: /etc/passwd}]\n", "is no pattern of files in the folder"),
        ("configs: [{data_files: ../x.csv}]\n", "no file matches"),
    ],
)  # fmt: skip
def test_wrong_configs_are_refused(tmp_path: Path, configs: str, message: str) -> None:
    """The README is named."""
    _write(tmp_path, "x.csv")
    folder = _readme(_write(tmp_path / "data", "a.csv", "c.csv"), configs)
    with pytest.raises(DataError, match=message) as caught:
        split_files(folder, SUFFIXES)
    assert "README.md" in str(caught.value)


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    """As where large files were not fetched; the hidden ones of editors are not data."""
    _write(tmp_path, "a.csv")
    (tmp_path / ".#a.csv").symlink_to("user@host")
    assert split_files(tmp_path, SUFFIXES).files == {ALL: [tmp_path / "a.csv"]}

    (tmp_path / "b.csv").symlink_to(tmp_path / "annex" / "b.csv")
    with pytest.raises(DataError, match=r"b\.csv is a link to nothing\. Fetch the file"):
        split_files(tmp_path, SUFFIXES)
