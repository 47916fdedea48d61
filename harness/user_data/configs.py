"""Reads which files belong to which split from a README, in the hub's format: `configs` with `data_files`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.errors import DataError
from harness.reading import some
from harness.user_data.names import ALL, SplitFiles, split_of
from harness.yaml_text import load


def of_readme(folder: Path, paths: Sequence[Path]) -> SplitFiles | None:
    """Return the files that a folder's README names, or None if it names none.

    Args:
        folder: with a `README.md`, or without.
        paths: the folder's files that may hold data; those that are not named are reported as ignored.

    Raises:
        DataError: the README is not valid, or names what is not there.
    """
    readme = folder / "README.md"
    config = _config(readme) if readme.is_file() else None
    if config is None or "data_files" not in config:
        return None
    base = folder / str(config.get("data_dir") or ".")
    files: dict[str, list[Path]] = {}
    for name, patterns in _patterns(readme, config["data_files"]):
        split = ALL if name is None else split_of(name)
        if split is None:
            raise DataError(f"{readme}: the split {name!r} is none of train, validation and test. Rename it there.")
        files.setdefault(split, []).extend(_matches(readme, base, patterns, paths))
    _require_once(readme, files)
    used = {path for part in files.values() for path in part}
    ignored = (
        f"{path.relative_to(folder).as_posix()} (not in README.md's configs)" for path in paths if path not in used
    )
    return SplitFiles(files, dict.fromkeys(files, "README.md's configs"), tuple(ignored))


def _config(readme: Path) -> Mapping[str, Any] | None:
    """Return the config of a README that is meant without a name: the default one, or the only one."""
    text = readme.read_text(encoding="utf-8-sig", errors="replace")
    _, *parts = text.split("---\n", 2) if text.startswith("---\n") else [text]
    try:
        head = load(parts[0]) if parts else None
    except yaml.YAMLError as error:
        raise DataError(f"{readme}: its first part is no YAML: {error}. Correct it.") from error
    configs = head.get("configs") if isinstance(head, Mapping) else None
    if not configs:
        return None
    if not isinstance(configs, list) or not all(isinstance(config, Mapping) for config in configs):
        raise DataError(f"{readme}: `configs` is no list of mappings, as the hub's format has. Correct it.")
    usual = [c for c in configs if c.get("default") is True or c.get("config_name") == "default"] or configs
    if len(usual) > 1:
        names = [str(config.get("config_name")) for config in configs]
        raise DataError(f"{readme} has the configs {some(names)}. Give one of them `default: true`.")
    chosen: Mapping[str, Any] = usual[0]
    return chosen


def _patterns(readme: Path, data_files: Any) -> Iterator[tuple[str | None, list[str]]]:
    """Yield the splits (None: without splits) and their patterns of any form of `data_files`."""
    if isinstance(data_files, Mapping):
        data_files = [{"split": split, "path": path} for split, path in data_files.items()]
    entries = data_files if isinstance(data_files, list) else [data_files]
    for entry in entries:
        split, path = (entry.get("split"), entry.get("path")) if isinstance(entry, Mapping) else (None, entry)
        patterns: list[Any] = path if isinstance(path, list) else [path]
        if not all(isinstance(pattern, str) for pattern in patterns):
            raise DataError(f"{readme}: `data_files` holds {entry!r:.80}. Give `split` and `path`, a pattern of files.")
        yield None if split is None else str(split), patterns


def _matches(readme: Path, base: Path, patterns: Sequence[str], paths: Sequence[Path]) -> list[Path]:
    matched = []
    for pattern in patterns:
        try:
            wanted = {path.resolve() for path in base.glob(pattern)}
        except (NotImplementedError, ValueError) as error:
            raise DataError(f"{readme}: {pattern!r} is no pattern of files in the folder: {error}.") from error
        matching = [path for path in paths if path.resolve() in wanted and path not in matched]
        if not matching:
            raise DataError(f"{readme}: no file matches {pattern!r}. Correct `data_files`, or add the file.")
        matched += matching
    return matched


def _require_once(readme: Path, files: Mapping[str, Sequence[Path]]) -> None:
    first: dict[Path, str] = {}
    for split, paths in files.items():
        for path in paths:
            if first.setdefault(path, split) != split:
                raise DataError(f"{readme}: {path.name} is in {first[path]} and in {split}. Name it once.")
    if ALL in files and len(files) > 1:
        raise DataError(f"{readme}: some of `data_files` have a split and some have none. Give each one.")
