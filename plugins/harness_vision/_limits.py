"""What of a picture's file is opened: formats that run no program, and no more frames than a stated number.

Pillow opens EPS by Ghostscript, and counts the frames of a GIF by going through all of them: a megabyte has 70,000.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

MOST_FRAMES = 10_000
"""In a file."""
MOST_PIXELS = 4_000_000_000
"""Pixels of all frames together: 2,000 frames in full HD. To show one frame those before it are decoded."""
REFUSED = ("EPS", "WMF", "BUFR", "GRIB", "HDF5", "FITS", "MPEG")
"""Pillow's formats that run Ghostscript, need a library of another's, or unpack any amount at once."""
_DESCRIPTOR, _EXTENSION, _END = 0x2C, 0x21, 0x3B
"""The first byte of a block in GIF."""


class TooManyError(Exception):
    """A file has more frames than are read; says how many are."""


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in Image.ID if name not in REFUSED)


def opened(file: Path | BinaryIO) -> Image.Image:
    """Open a picture of a format that is read.

    Raises:
        OSError: of another format, or Pillow cannot read it. It may raise others.
    """
    return Image.open(file, formats=_formats())


def suffixes() -> set[str]:
    """Return the suffixes of the formats that are read."""
    readable = set(_formats()) & set(Image.OPEN)
    return {suffix for suffix, form in Image.registered_extensions().items() if form in readable}


def frame_count(picture: Image.Image) -> int:
    """Return the number of frames or pages.

    Raises:
        TooManyError: there are more than `MOST_FRAMES`, or more than `MOST_PIXELS` in them.
    """
    count = _counted(picture)
    if count > MOST_FRAMES:
        raise TooManyError(f"it has more than {MOST_FRAMES:,} frames, of which a small file holds any number")
    width, height = picture.size
    if count > 1 and count * width * height > MOST_PIXELS:
        raise TooManyError(
            f"it has {count:,} frames of {width:,} x {height:,} pixels; at most {MOST_PIXELS:,} pixels in all are read"
        )
    return count


def _counted(picture: Image.Image) -> int:
    """Return the number of frames, or one more than `MOST_FRAMES`, without looking at those beyond."""
    if picture.format == "GIF":
        return _of_gif(picture)
    if picture.format == "TIFF":
        return _of_pages(picture)
    return int(getattr(picture, "n_frames", 1))  # which other formats have in their headers


def _of_pages(picture: Image.Image) -> int:
    """Count the pages of TIFF, which are found one by one; no pixels are read."""
    count = 1
    try:
        while count <= MOST_FRAMES:
            picture.seek(count)
            count += 1
    except EOFError:
        pass
    picture.seek(0)
    return count


def _of_gif(picture: Image.Image) -> int:
    """Count the descriptors of frames; what follows the last whole one counts for nothing, as in Pillow."""
    stream: Any = picture.fp
    place = stream.tell()
    stream.seek(0)
    count = 0
    try:
        flags = stream.read(13)[10]
        stream.seek(_colours(flags), 1)
        while count <= MOST_FRAMES and (kind := stream.read(1)) and kind[0] != _END:
            if kind[0] == _DESCRIPTOR:
                count += 1
                stream.seek(_colours(stream.read(9)[8]) + 1, 1)
                _skip(stream)
            elif kind[0] == _EXTENSION:
                stream.seek(1, 1)
                _skip(stream)
    except IndexError:  # it is cut off
        pass
    stream.seek(place)
    return max(count, 1)


def _colours(flags: int) -> int:
    """Return the bytes of a table of colours, by the byte that says whether there is one and how large."""
    return 3 * 2 ** (flags % 8 + 1) if flags & 0x80 else 0


def _skip(stream: Any) -> None:
    """Skip blocks of data, each after its length, to the empty one that ends them."""
    while (length := stream.read(1)) and length[0]:
        stream.seek(length[0], 1)
