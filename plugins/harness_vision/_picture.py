"""Reads a picture as people see it: upright, 8 bits a channel, on a white ground. Images and frames of clips alike.

- The EXIF orientation is applied.
- Integers of 16 bits are divided by 257, floats from 0 to 1 multiplied by 255. Cameras and scanners store values of 10
  to 14 bits in 16, and PNG and TIFF do not tell: a picture that leaves the two highest bits unused is a question, which
  `bit_depth` answers. PNG's sBIT is for values that are scaled to 16 bits; TIFF's MaxSampleValue is not for showing.
- What is transparent is put on white.
- CMYK and YCbCr are converted by formula; colour profiles are ignored.

What cannot be read this way is refused: files that are damaged, animated, of many pages or larger than
`PIL.Image.MAX_IMAGE_PIXELS`, of a format that `_limits` leaves out, and values of an unknown range.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from harness import DataError
from harness_vision._limits import TooManyError, frame_count, opened

DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
"""Modes with more than 8 bits a pixel."""
GREY, COLOURED = ("1", "L"), ("P", "RGB", "RGBX", "CMYK", "YCbCr")
ORIENTATIONS = range(2, 9)
"""Values of the EXIF orientation for which a picture is stored turned or mirrored."""
BITS, PHOTOMETRIC = 258, 262
"""Tags of TIFF."""
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
LEVELS, WORD = 255, 16
"""The white of 8 bits; bits of a short integer."""
BIT_DEPTHS = (10, 12, 14, 16)
"""Of values that are stored in 16 bits."""
DIM = 2**14
"""A picture of 16 bits whose values all lie below may have fewer bits."""
TELLING = ("PPM", "JPEG2000")
"""Formats that tell their white, and are read scaled to 16 bits."""
QUOTED = 30
"""Characters of a text that a message quotes."""


class _UnfitError(Exception):
    """A picture that is refused: why, and what to do."""


def still(name: str, file: Path | BinaryIO, bit_depth: int | None = None) -> Image.Image:
    """Return a file's picture in mode L or RGB.

    Args:
        name: of the file, for messages.
        file: its path or content.
        bit_depth: of values that are stored in 16 bits, one of `BIT_DEPTHS`, if it is known.

    Raises:
        DataError: the file cannot be read, or has more than one frame.
    """
    with _opened(name, file) as picture:
        count = frame_count(picture)
        if count > 1 and picture.format != "MPO":  # its other frames are previews or other views of the first
            raise _UnfitError(
                f"it has {count} frames or pages. Save the one that is meant as a picture of its own, or take it out."
            )
        return _as_seen(picture, bit_depth)


def frames(
    name: str, file: Path, choose: Callable[[int], Sequence[int]], bit_depth: int | None = None
) -> Iterator[Image.Image]:
    """Yield frames of an animated picture in mode L or RGB, each valid until the next.

    Args:
        name: of the file, for messages.
        file: its path.
        choose: the number of frames → the numbers of those to read, counted from 0.
        bit_depth: as for `still`.

    Raises:
        DataError: the file cannot be read.
    """
    with _opened(name, file) as picture:
        # The first picture of an APNG may be a substitute for viewers without animation.
        first = int(getattr(picture, "default_image", False))
        for number in choose(frame_count(picture) - first):
            picture.seek(first + number)
            yield _as_seen(picture, bit_depth)


def is_turned(file: Path) -> bool:
    """Return whether a readable file's EXIF orientation exchanges width and height."""
    with opened(file) as picture:
        stored = picture.size
        return bool(stored[0] != stored[1] and _upright(picture).size == stored[::-1])


@contextmanager
def _opened(name: str, file: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open a picture; whatever goes wrong while it is read becomes a `DataError` that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about metadata and sizes
            with opened(file) as picture:
                _require_size(picture)
                yield picture
    except Exception as error:  # Pillow raises anything for a damaged file
        raise DataError(f"{name} cannot be read as an image: {_why(error, file)}") from error


def _require_size(picture: Image.Image) -> None:
    most, (width, height) = Image.MAX_IMAGE_PIXELS, picture.size
    if most is not None and width * height > most:
        raise _UnfitError(
            f"it has {width:,} x {height:,} pixels; at most {most:,} are read, as a small file may fill the memory. "
            "Scale it down or take it out."
        )


def _why(error: Exception, file: Path | BinaryIO) -> str:
    """Return why a file cannot be read and what to do."""
    if isinstance(error, _UnfitError):
        return str(error)
    if isinstance(error, TooManyError):
        return f"{error}. Cut it into shorter ones, scale it down, or take it out."
    if isinstance(error, Image.DecompressionBombError):
        return f"{error} Scale it down or take it out."
    what = _content(file) if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__
    return f"{what.rstrip('.')}. Replace it or take it out."


def _content(file: Path | BinaryIO) -> str:
    """Return what a file is that is no picture."""
    if isinstance(file, Path):
        with file.open("rb") as opened:
            head = opened.read(QUOTED)
    else:
        file.seek(0)
        head = file.read(QUOTED)
    if not head:
        return "it is empty"
    if head[4:8] == b"ftyp" and head[8:12] in HEIC:
        return "it is HEIC, which is not read here; save it as JPEG or PNG"
    text = head.decode("utf-8", "ignore")
    if text.strip() and all(letter.isprintable() or letter.isspace() for letter in text):
        return f"it is a text that begins with {text.strip()!r}"
    return "its format is not known"


# Pixels -------------------------------------------------------------------------------------------------------------


def _as_seen(picture: Image.Image, bit_depth: int | None) -> Image.Image:
    """Return the present frame in mode L or RGB."""
    deep = any(";16" in str(part[3]) for part in picture.tile)  # which Pillow reads in 8 bits if there are colours
    picture.load()
    if picture.mode in DEEP:
        return _scaled(_upright(picture), _white(picture, bit_depth), dark=bit_depth == WORD)
    if deep:
        _require_bright(picture, bit_depth)
    picture = _upright(picture)
    if picture.has_transparency_data:
        return _on_white(picture)
    if picture.mode not in (*GREY, *COLOURED):
        raise _UnfitError(f"its colours are in the mode {picture.mode}. Save it in RGB or grey.")
    mode = "L" if picture.mode in GREY else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _upright(picture: Image.Image) -> Image.Image:
    try:
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in ORIENTATIONS
        return ImageOps.exif_transpose(picture) if turned else picture
    except Exception:  # noqa: BLE001 - Pillow raises anything for damaged EXIF; no viewer can follow it
        return picture


def _require_bright(picture: Image.Image, bit_depth: int | None) -> None:
    """Raise if colours of 16 bits may hold values of fewer: Pillow has cut the 8 lower bits off."""
    colours = [band for band in picture.getbands() if band != "A"]
    highest = max(picture.getchannel(band).getextrema()[1] for band in colours)
    if bit_depth not in (None, WORD) or (bit_depth is None and highest < DIM >> 8):
        raise _UnfitError(
            "its channels have 16 bits, of which 8 are read. If its values have fewer bits, save it with 8 bits a "
            "channel; if it is that dark, --task-setting bit_depth=16."
        )


def _white(picture: Image.Image, bit_depth: int | None) -> float:
    """Return the value of white in a picture of more than 8 bits.

    Raises:
        _UnfitError: it is not known.
    """
    tags = getattr(picture, "tag_v2", {})  # of TIFF only
    bits = min(tags.get(BITS, (WORD,))[0], WORD)
    if tags.get(PHOTOMETRIC, 1) != 1:
        raise _UnfitError("its smallest value is white. Save it with black as the smallest.")
    if picture.mode == "I" and tags and bits == tags[BITS][0]:
        raise _UnfitError("its values have a sign. Save it with unsigned values of 16 bits.")
    if picture.mode == "F":
        return 1.0
    if bits == WORD and picture.format not in TELLING:
        bits = bit_depth or _asked(picture)
    return float(2**bits - 1)


def _asked(picture: Image.Image) -> int:
    """Return 16, or raise if the values may have fewer bits; black is black in any."""
    values = np.asarray(picture)
    highest = values[values != picture.info.get("transparency")].max(initial=0)
    if 0 < highest < DIM:
        raise _UnfitError(
            f"its largest value is {highest}, of 65535 that 16 bits hold. If its values have fewer bits, say how many: "
            "--task-setting bit_depth=12 (or 10, 14); if it is that dark, bit_depth=16."
        )
    return WORD


def _scaled(picture: Image.Image, white: float, *, dark: bool) -> Image.Image:
    values = np.asarray(picture)
    low, high = float(values.min()), float(values.max())
    given = f"its values lie between {low:g} and {high:g}, and white is {white:g}"
    levels = np.rint(values.astype(np.float32) * np.float32(LEVELS / white))
    if not (levels.min() >= 0 and levels.max() <= LEVELS):
        raise _UnfitError(f"{given}. Save it with 8 or 16 bits a pixel, or as floats from 0 to 1.")
    if high > 0 and levels.max() <= 1 and not dark:
        raise _UnfitError(f"{given}: it would be black. Save it with 8 bits a pixel.")
    levels[values == picture.info.get("transparency")] = LEVELS
    return Image.fromarray(levels.astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    grey = picture.mode in (*GREY, "LA", "La")
    layers = picture.convert("LA" if grey else "RGBA")
    alpha = layers.getchannel("A")
    ground = Image.new("L" if grey else "RGB", picture.size, "white")
    ground.paste(layers.convert(ground.mode), mask=alpha)
    lowest, highest = alpha.getextrema()
    if lowest != highest and not ImageOps.invert(ground).getbbox():
        raise _UnfitError("it is white on a transparent ground, which is read as white. Give it a ground of its own.")
    return ground
