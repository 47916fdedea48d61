"""Finds the files of a folder, and which split each belongs to.

A README's `configs` decide, else names (`harness.user_data.names`); without either all files are one source.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from harness.digests import file_digest, folder_digest
from harness.errors import DataError
from harness.reading import some
from harness.user_data.configs import of_readme
from harness.user_data.names import ALL, SPLITS, SplitFiles, are, by_name

_DOCUMENT = re.compile(
    r"(readme([._-][a-z]{2}([-_][a-z]{2,4})?)?|licen[cs]e|copying|notice|citation|changelog|authors)"
    r"(\.(md|txt|rst|html|cff|bib))?|(dataset_infos?|croissant)\.json",
    re.IGNORECASE,
)
"""A file about the data."""
_OF_SYSTEMS = {"__macosx", "thumbs.db", "desktop.ini"}


def located(source: str) -> Path:
    """Return the path of a source, which may not exist.

    Raises:
        DataError: there is no name; the working directory would be read.
    """
    if not source.strip():
        raise DataError("The data have no name. Give a file, a folder or a hub data set; the current folder is `.`.")
    return Path(source).expanduser()


def every_file(folder: Path) -> list[Path]:
    """Return all files under a folder in order, also those in linked folders.

    Raises:
        DataError: a link leads to nothing, as where large files were not fetched.
    """
    return _walked(folder)[0]


def _walked(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files and the folders under a folder, each as often as links lead to it."""
    files, inner = [], []
    above: dict[str, tuple[str, ...]] = {str(folder): (os.path.realpath(folder),)}
    for place, folders, names in os.walk(folder, followlinks=True):
        # A link may lead back to a folder above it.
        real = {name: os.path.realpath(Path(place, name)) for name in folders}
        folders[:] = [name for name in folders if real[name] not in above[place]]
        above |= {os.path.join(place, name): (*above[place], real[name]) for name in folders}  # noqa: PTH118 - as os.walk
        inner += [Path(place, name) for name in folders]
        files += [Path(place, name) for name in names]
    _require_present(folder, files)
    return sorted(path for path in files if path.is_file()), inner


def _require_present(folder: Path, files: Iterable[Path]) -> None:
    """Refuse links to nothing, except hidden ones, such as an editor's."""
    lost = [path.relative_to(folder).as_posix() for path in files if not path.exists() and path.name[0] != "."]
    if lost:
        raise DataError(
            f"{folder}: {some(sorted(lost))} {are(lost)} a link to nothing. Fetch the file, or remove the link."
        )


def identity_of(path: Path) -> str:
    """Return a name for a file by its content, or for a folder by the names and contents of all its files."""
    if path.is_dir():
        return f"folder sha256 {folder_digest(path, every_file(path))}"
    return f"sha256 {file_digest(path)}"


def data_files(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Return the files under a folder that may hold data, and the others with the reason.

    Raises:
        DataError: a link leads to nothing, or a folder in it is empty.
    """
    kept, ignored = [], []
    files, folders = _walked(folder)
    _require_filled(folder, files, folders)
    for path in files:
        name = path.relative_to(folder)
        if _is_hidden(name):
            ignored.append(f"{name.as_posix()} (hidden)")
        elif _DOCUMENT.fullmatch(path.name):
            ignored.append(f"{name.as_posix()} (about the data)")
        else:
            kept.append(path)
    return kept, tuple(ignored)


def _is_hidden(name: Path) -> bool:
    """Return whether a path within a source is hidden, or a system's."""
    return any(part.startswith(".") or part.casefold() in _OF_SYSTEMS for part in name.parts)


def _require_filled(folder: Path, files: Sequence[Path], folders: Sequence[Path]) -> None:
    """Refuse folders without a file: a class or a split whose files are missing would be left out without a word."""
    filled = {parent for path in files if not _is_hidden(path.relative_to(folder)) for parent in path.parents}
    names = (path.relative_to(folder) for path in folders if path not in filled)
    if empty := sorted(name.as_posix() for name in names if not _is_hidden(name)):
        raise DataError(f"{folder}: {some(empty)} {are(empty)} empty. Put the files in, or remove what is empty.")


def split_files(folder: Path, suffixes: Collection[str]) -> SplitFiles:
    """Return the tables or texts of a folder by split.

    Args:
        folder: read with all folders in it.
        suffixes: those of files that are read, in small letters.

    Raises:
        DataError: there is no file, one that is not read, or one that may or may not be a split.
    """
    paths, ignored = data_files(folder)
    configured = of_readme(folder, paths)
    if configured is not None:
        _require_suffixes(folder, [path for part in configured.files.values() for path in part], suffixes)
        return configured._replace(ignored=(*ignored, *configured.ignored))
    _require_suffixes(folder, paths, suffixes)
    named = by_name(
        folder, {path: {**folder_names(folder, path), f"the file {path.name}": path.stem} for path in paths}
    )
    if ALL in named.files:
        require_clear(folder, (path.relative_to(folder).with_suffix("").parts for path in paths))
    return named._replace(ignored=ignored)


def folder_names(folder: Path, path: Path) -> dict[str, str]:
    """Return the folders between a folder and a file, from the outside, for `by_name`."""
    return {f"the folder {name}": name for name in path.relative_to(folder).parts[:-1]}


def _require_suffixes(folder: Path, paths: Sequence[Path], suffixes: Collection[str]) -> None:
    if not paths:
        raise DataError(f"{folder} holds no data. Put files into it with the suffix {' or '.join(suffixes)}.")
    unknown = [path.relative_to(folder).as_posix() for path in paths if path.suffix.lower() not in suffixes]
    if unknown:
        raise DataError(
            f"{folder}: {some(unknown)} {are(unknown)} not read, only {', '.join(suffixes)}. "
            "Convert what holds data, and move the rest out of the folder."
        )


def require_clear(folder: Path, names: Iterable[Sequence[str]]) -> None:
    """Refuse names such as reviews-train beside reviews-test, which are probably splits.

    Args:
        folder: their source, for messages.
        names: of each file those that may be a split's, from the outside.

    Raises:
        DataError: two names differ only in the word for a split.
    """
    alike: dict[tuple[Sequence[str], str], dict[str, str]] = defaultdict(dict)
    for parts in names:
        for depth, name in enumerate(parts):
            for word in re.finditer(r"[^\W\d_]+", name):
                if split := SPLITS.get(word[0].casefold()):
                    rest = name[: word.start()] + name[word.end() :]
                    alike[tuple(parts[:depth]), rest][split] = name
    for unclear in alike.values():
        if "train" in unclear and len(unclear) > 1:
            raise DataError(
                f"{folder}: {' and '.join(unclear.values())} may be splits or not. If they are, call them "
                f"{' and '.join(unclear)}, or put them into folders of these names; if not, give them other names."
            )
