"""The files that hold a checkpoint's weights: safetensors of its own folder and nothing else.

An index and a configuration name files, and transformers opens what they name: `evil.bin` by `torch.load`, which can
run code, and a path that leads out of the folder. So the names are checked before any library sees the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import PluginError
from harness.json_text import read_object

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
SUFFIX = ".safetensors"
ADAPTER = "adapter_config.json"
NAMED_BY_CONFIG = "transformers_weights"
"""The key of a configuration that names another file of weights than `WEIGHTS`."""
_HUB = ("snapshots", "blobs")
"""Folders of the hub's cache: the files of the one are links into the other."""
_LONGEST = 255
"""Bytes of a file's name."""
_COPY = "Copy the checkpoint again, from where you trust it."


def weight_files(folder: Path) -> list[Path]:
    """Return the files of a checkpoint's weights.

    Raises:
        PluginError: there are none in safetensors, one is missing, or a name is not that of a file of the folder.
    """
    if (folder / WEIGHTS).is_file():
        names = [WEIGHTS]
    elif (folder / INDEX).is_file():
        names = _shards(folder)
    else:
        raise _without(folder)
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise PluginError(f"hf:{folder} lacks {', '.join(missing)}, listed in {INDEX}. Copy the folder again.")
    for name in names:
        _require_inside(folder, folder / name)
    return [folder / name for name in names]


def require_no_others(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise where transformers would read other weights than `weight_files`.

    Raises:
        PluginError: the configuration names a file, or the folder holds an adapter.
    """
    if (named := config.get(NAMED_BY_CONFIG)) is not None:
        raise PluginError(
            f"hf:{folder}: its configuration names {named!r} as its weights ({NAMED_BY_CONFIG}). Only {WEIGHTS} and "
            f"what {INDEX} lists are read: give the file that name and remove the key."
        )
    if (folder / ADAPTER).is_file():
        raise PluginError(
            f"hf:{folder} holds an adapter ({ADAPTER}), which is not read. Merge it into the weights, "
            "`model.merge_and_unload().save_pretrained(folder)`, or remove the file to measure what it was made for."
        )


def _shards(folder: Path) -> list[str]:
    index = read_object(folder / INDEX, PluginError, remedy=_COPY)
    names = index.get("weight_map")
    if not isinstance(names, dict) or not names:
        raise PluginError(f"{folder / INDEX} has no object `weight_map` with a file for each weight. {_COPY}")
    for name in names.values():
        if not isinstance(name, str) or not _is_plain(name):
            raise PluginError(
                f"{folder / INDEX} names {name!r} as a file of weights. Only files of its folder that end in {SUFFIX} "
                f"are read: others could run code when opened, or lie elsewhere. {_COPY}"
            )
    return sorted(set(names.values()))


def _is_plain(name: str) -> bool:
    """Return whether a name is that of a file in safetensors, on every system, and no path."""
    plain = name.isprintable() and not set(name) & set("/\\:") and not name.startswith(".")
    return plain and name.endswith(SUFFIX) and len(name.encode()) <= _LONGEST


def _require_inside(folder: Path, file: Path) -> None:
    """Raise where a file is a link out of its folder; those of the hub's cache lead to where it keeps contents."""
    home, real = folder.resolve(), file.resolve()
    inside = [home, home.parent.parent / _HUB[1]] if home.parent.name == _HUB[0] else [home]
    if not any(real.is_relative_to(one) for one in inside):
        raise PluginError(f"{file} is a link to {real}, outside of its folder. Put the file itself there.")


def _without(folder: Path) -> PluginError:
    others = sorted(file.name for pattern in ("*.bin", "*.pt", "*.h5", "*.msgpack") for file in folder.glob(pattern))
    unsafe = f" It holds {', '.join(others)}, which could run code when opened." if others else ""
    return PluginError(
        f"hf:{folder} has no {WEIGHTS}.{unsafe} Only safetensors are read. If you trust the file, convert it with "
        "`AutoModel.from_pretrained(folder).save_pretrained(folder)`."
    )
