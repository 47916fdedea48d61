"""Reading one picture: as people see it, or refused by name; the same for images, boxes and clips."""

from __future__ import annotations

import io
import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from harness import DataError
from harness.plugins import load_plugins
from harness_vision import _limits, _picture
from harness_vision._folder import pixels

UPRIGHT = np.array([[10, 60, 110], [140, 180, 220]], np.uint8).repeat(8, 0).repeat(8, 1)
"""Two rows of three fields, all different."""
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: np.swapaxes(seen, 0, 1),
    6: np.rot90,
    7: lambda seen: np.swapaxes(seen[::-1, ::-1], 0, 1),
    8: lambda seen: np.rot90(seen, -1),
}
"""EXIF orientation → how a picture that is seen upright is stored (the table of the EXIF standard)."""


def _content(picture: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def _still(content: bytes) -> np.ndarray:
    return np.asarray(_picture.still("the picture", io.BytesIO(content)))


def _turned(orientation: int, seen: np.ndarray = UPRIGHT) -> tuple[Image.Image, Image.Exif]:
    """Return a picture as it is stored, and its EXIF."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return Image.fromarray(np.ascontiguousarray(STORED[orientation](seen))), exif


def _png(width: int, height: int, bits: int, colours: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG, byte by byte: Pillow writes fewer kinds than there are."""
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def _tiff(bits: int, photometric: int, sample_format: int, values: bytes, width: int) -> bytes:
    """Return an uncompressed grey TIFF of one row."""
    entries = [
        (256, width), (257, 1), (258, bits), (259, 1), (262, photometric), (273, 134), (277, 1), (278, 1),
        (279, len(values)), (339, sample_format),
    ]  # fmt: skip
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + struct.pack("<I", 0) + values


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_gives_the_same_upright_picture(form: str, orientation: int) -> None:
    """In grey and in colour."""
    for seen in (UPRIGHT, np.dstack([UPRIGHT, UPRIGHT[::-1], UPRIGHT // 2])):
        picture, exif = _turned(orientation, seen)
        options = {"lossless": True} if form == "WEBP" else {}
        read = _still(_content(picture, form, exif=exif, **options))
        expected = seen if read.ndim == seen.ndim else np.dstack([seen] * 3)  # WebP has no grey

        assert np.allclose(read, expected, atol=60 if form == "JPEG" and seen.ndim == 3 else 1)
        assert read.shape[:2] == UPRIGHT.shape


def test_orientation_that_cannot_be_followed_changes_nothing() -> None:
    """Of another number, or in damaged EXIF, as in any viewer."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 9
    for given in (exif, b"Exif\0\0no TIFF header", b"\0"):
        assert (_still(_content(Image.fromarray(UPRIGHT), "PNG", exif=given)) == UPRIGHT).all()


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_ramp_of_16_bits_keeps_256_grey_levels(form: str) -> None:
    """Each level of as many values, turned or not; the values 257 k are the level k."""
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    levels = _still(_content(Image.fromarray(ramp), form))
    turned, exif = _turned(6, ramp)

    assert np.unique(levels).size == 256
    assert (levels.ravel()[::257] == np.arange(256)).all()
    assert (np.abs(levels - ramp / 257) <= 0.5).all()
    assert (_still(_content(turned, form, exif=exif)) == levels).all()


def test_floats_from_0_to_1_and_integers_of_32_bits_are_scaled() -> None:
    """By 255, and as those of 16 bits."""
    shares = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
    floats = _still(_content(Image.fromarray(shares), "TIFF"))
    integers = _still(_content(Image.fromarray(np.arange(0, 65536, 257, dtype=np.int32)[None]), "TIFF"))

    assert (np.abs(floats - shares * 255) <= 0.5001).all()
    assert integers[0].tolist() == list(range(256))


@pytest.mark.parametrize(
    ("content", "levels"),
    [
        (b"P5 3 1 4095\n" + struct.pack(">3H", 0, 2048, 4095), [0, 128, 255]),
        (b"P5 3 1 100\n" + bytes([0, 50, 100]), [0, 128, 255]),
        (_tiff(12, 1, 1, bytes([0x00, 0x08, 0x00, 0xFF, 0xF0, 0x00]), 3), [0, 128, 255]),
        (_tiff(8, 0, 1, bytes([0, 55, 255]), 3), [255, 200, 0]),
        (_png(3, 1, 1, 0, b"\0\x40"), [0, 255, 0]),
        (_png(4, 1, 2, 0, b"\0\x1b"), [0, 85, 170, 255]),
        (_png(3, 1, 16, 4, b"\0" + struct.pack(">6H", 0, 0, 0x8080, 65535, 0, 65535)), [255, 128, 0]),
    ],
    ids=[
        "graymap of 12 bits",
        "graymap to 100",
        "TIFF of 12 bits",
        "white is 0",
        "1 bit",
        "2 bits",
        "16 bits and alpha",
    ],
)
def test_other_greys_are_read_as_what_they_are(content: bytes, levels: list[int]) -> None:
    """By the white that the file tells."""
    read = _still(content)

    assert (read if read.ndim == 2 else read[..., 1])[0].tolist() == levels


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (_content(Image.new("RGBA", (1, 1), (100, 0, 50, 128)), "PNG"), [177, 127, 152]),
        (_content(Image.new("RGBA", (1, 1), (0, 0, 0, 0)), "PNG"), [255, 255, 255]),
        (_content(Image.new("LA", (1, 1), (100, 128)), "PNG"), 177),
        (_png(1, 1, 8, 0, b"\0\7", (b"tRNS", b"\0\7")), 255),
        (_png(1, 1, 16, 0, b"\0\7\7", (b"tRNS", b"\7\7")), 255),
        (_png(1, 1, 8, 2, b"\0\1\2\3", (b"tRNS", b"\0\1\0\2\0\3")), [255, 255, 255]),
        (_png(1, 1, 8, 3, b"\0\0", (b"PLTE", bytes(3)), (b"tRNS", b"\x40")), [191, 191, 191]),
        (_content(Image.new("RGBA", (1, 1), (0, 0, 0, 0)), "WEBP", lossless=True), [255, 255, 255]),
        (_content(Image.new("RGBA", (1, 1), (0, 0, 0, 0)), "GIF"), [255, 255, 255]),
    ],
    ids=["RGBA", "clear", "grey", "clear grey", "clear 16 bits", "clear colour", "palette", "WebP", "GIF"],
)  # fmt: skip
def test_what_is_transparent_is_put_on_white(content: bytes, expected: Any) -> None:
    """(alpha · colour + (255 − alpha) · 255) / 255: 100 at 128 is 177."""
    assert _still(content)[0, 0].tolist() == expected


def test_palettes_and_cmyk_give_their_colours() -> None:
    """Adobe stores CMYK in JPEG inverted."""
    colour = Image.new("RGB", (16, 16), (200, 30, 40))
    palette = colour.quantize(4)

    assert (_still(_content(palette, "PNG")) == _still(_content(palette.convert("RGB"), "PNG"))).all()
    assert np.abs(_still(_content(palette, "PNG"))[0, 0] - np.array([200, 30, 40])).max() <= 1
    for content in (_content(colour.convert("CMYK"), form) for form in ("JPEG", "TIFF")):
        assert np.abs(_still(content)[0, 0] - np.array([200.0, 30, 40])).max() <= 3


def test_pictures_with_one_frame_to_show_are_read() -> None:
    """A GIF of one frame, and MPO, whose first picture every viewer shows: telephones write it."""
    first, other = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))

    assert _still(_content(first, "GIF"))[0, 0].tolist() == [255, 0, 0]
    assert _still(_content(first, "MPO", save_all=True, append_images=[other]))[0, 0, 0] > 250


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
TWO = {"save_all": True, "append_images": [Image.new("RGB", (32, 32))]}


def _values(kind: Any, *values: float) -> bytes:
    return _content(Image.fromarray(np.array([values], kind)), "TIFF")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        *((_content(NOISE, form, **TWO), "has 2 frames or pages. Save the") for form in ("GIF", "WEBP", "PNG", "TIFF")),
        *((_content(NOISE, form)[:700], "Replace it or take it out") for form in ("JPEG", "PNG", "GIF", "TIFF", "BMP")),
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a text that begins with 'version https://git-lfs"),
        ("日本語".encode(), "is a text that begins with '日本語'"),
        (b"PK\x03\x04" + bytes(99), "its format is not known"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "it is HEIC.* save it as JPEG or PNG"),
        (_png(10_000, 10_000, 1, 0, b""), "it has 10,000 x 10,000 pixels; at most 89,478,485 .*Scale it down"),
        (_png(50_000, 50_000, 1, 0, b""), "2500000000 pixels.* Scale it down or take it out"),
        (_content(Image.new("LAB", (1, 1)), "TIFF"), "in the mode LAB. Save it in RGB or grey"),
        (_values(np.float32, 0, 255), "between 0 and 255, and white is 1. Save"),
        (_values(np.float32, -1, 1), "between -1 and 1, and white is 1. Save"),
        (_values(np.float32, np.nan, 1), "between nan and nan"),
        (_values(np.int32, 0, 70_000), "between 0 and 70000, and white is 65535"),
        (_values(np.float32, 0, 0.003), "it would be black. Save it with 8 bits"),
        (_values(np.uint16, 0, 255), "its largest value is 255, of 65535 .*bit_depth=12 .*bit_depth=16"),
        (_values(np.int32, 0, 4095), "its largest value is 4095, of 65535"),
        (_content(Image.fromarray(np.array([[0, 16383]], np.uint16)), "PNG"), "its largest value is 16383"),
        (_png(1, 1, 16, 2, b"\0" + struct.pack(">3H", 4095, 0, 9)), "its channels have 16 bits, of .*bit_depth=16"),
        (_png(1, 1, 16, 6, b"\0" + struct.pack(">4H", 4095, 0, 9, 65535)), "its channels have 16 bits, of which 8"),
        (_tiff(16, 0, 1, bytes(4), 2), "its smallest value is white"),
        (_tiff(16, 1, 2, struct.pack("<2h", 0, 32767), 2), "its values have a sign"),
        (
            _content(Image.fromarray(np.array([[[255, 255], [255, 0]]], np.uint8), "LA"), "PNG"),
            "is white on a transparent ground",
        ),
    ],
)  # fmt: skip
def test_a_picture_that_cannot_be_read_as_seen_is_refused(content: bytes, message: str) -> None:
    """By name, with the reason and what to do; from a file and from a table's bytes."""
    with pytest.raises(DataError, match=f"^cats, row 3: a.png cannot be read as an image: .*{message}"):
        pixels("cats, row 3", "a.png", io.BytesIO(content))


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_the_bits_that_are_stated_scale_every_picture(form: str, bits: int) -> None:
    """White is 2^bits − 1, however dark the picture is; the format of 12 bits that tells them needs no setting."""
    white = 2**bits - 1
    for values in ([0, white // 2, white], [0, 20, 300]):
        content = _content(Image.fromarray(np.array([values], np.uint16)), form)
        levels = np.asarray(_picture.still("it", io.BytesIO(content), bits))[0]
        assert levels.tolist() == [round(value * 255 / white) for value in values]

    too_bright = _content(Image.fromarray(np.array([[white]], np.uint16)), form)
    for fewer in (depth for depth in _picture.BIT_DEPTHS if depth < bits):
        with pytest.raises(DataError, match=f"between {white} and {white}, and white is {2**fewer - 1}"):
            _picture.still("it", io.BytesIO(too_bright), fewer)
    told = _tiff(12, 1, 1, bytes([0x00, 0x08, 0x00, 0xFF, 0xF0, 0x00]), 3)
    assert np.asarray(_picture.still("it", io.BytesIO(told), bits))[0].tolist() == [0, 128, 255]


def test_colours_of_16_bits_are_taken_for_what_they_are() -> None:
    """They lose their 8 lower bits in Pillow: stated ones of fewer bits cannot be scaled, and are refused."""
    bright, dark = (_png(1, 1, 16, 2, b"\0" + struct.pack(">3H", *colour)) for colour in ((65535, 0, 257), (514, 0, 0)))

    assert _still(bright)[0, 0].tolist() == [255, 0, 1]
    assert np.asarray(_picture.still("it", io.BytesIO(dark), 16))[0, 0].tolist() == [2, 0, 0]
    with pytest.raises(DataError, match="save it with 8 bits a channel"):
        _picture.still("it", io.BytesIO(bright), 12)


def test_pictures_of_12_bits_are_a_question_that_a_setting_answers(tmp_path: Path, harness_command: Any) -> None:
    """`harness data` shows the remedy, and takes it; with it a picture is as bright as its copy in 8 bits."""
    grey = np.linspace(0, 4095, 64).round().astype(np.uint16).reshape(8, 8)
    for number in range(20):
        file = tmp_path / "scans" / ("ill" if number % 2 else "well") / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(grey, number)).save(file)
    command = ["data", "image-classification", "--data", str(tmp_path / "scans")]
    unanswered = harness_command(tmp_path, *command)
    answered = harness_command(tmp_path, *command, "--task-setting", "bit_depth=12")

    assert unanswered.code == 2
    assert "its largest value is 4095" in " ".join(unanswered.stderr.split())
    assert "--task-setting bit_depth=12" in " ".join(unanswered.stderr.split())
    assert answered.code == 0, answered.stderr
    data: Any = (
        load_plugins()
        .tasks["image-classification"]
        .data(str(tmp_path / "scans"), {"image_column": "image", "label_column": "label", "bit_depth": 12})
    )
    for split in data.sizes:
        for image in data.examples(split).inputs:
            assert sorted(image.ravel().tolist()) == (np.linspace(0, 4095, 64).round() / 4095 * 255).round().tolist()


def test_a_black_picture_of_16_bits_is_black() -> None:
    """It is not taken for one of 8 bits."""
    assert not _still(_content(Image.fromarray(np.zeros((4, 4), np.uint16)), "PNG")).any()


def _images(folder: Path, content: bytes) -> Path:
    """Write ten pictures of each of two classes, all different, and one of the given content."""
    for name in ("day", "night"):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            picture, exif = _turned(1 + number % 8, UPRIGHT + np.uint8(number % 5 + 5 * (name == "day")))
            picture.save(folder / name / f"{number}.png", exif=exif)
    (folder / "day" / "odd.png").write_bytes(content)
    return folder


def test_a_bomb_in_a_folder_ends_the_run_before_it_begins(tmp_path: Path, harness_command: Any) -> None:
    """One sentence names the file; nothing is written."""
    folder = _images(tmp_path / "photos", _png(20_000, 20_000, 1, 0, b""))
    (tmp_path / "here").mkdir()
    command = ["run", "quick", "--task", "image-classification", "--model", "logistic", "--data", str(folder)]
    done = harness_command(tmp_path / "here", *command)

    assert done.code == 2
    assert "day/odd.png cannot be read as an image" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "here").iterdir())


def test_a_folder_of_turned_pictures_is_upright(tmp_path: Path) -> None:
    """All have one shape, and copies that are stored differently are one picture."""
    picture, exif = _turned(6, UPRIGHT + np.uint8(5))  # as day/0.png, which is stored upright
    folder = _images(tmp_path, _content(picture, "PNG", exif=exif))
    task = load_plugins().tasks["image-classification"]
    data: Any = task.data(str(folder), {"image_column": "image", "label_column": "label"})
    images = [image for split in data.sizes for image in data.examples(split).inputs]

    assert {image.shape for image in images} == {(*UPRIGHT.shape, 1)}
    assert all(image[-1, -1, 0] > image[0, 0, 0] for image in images)
    keys = [key for split in data.sizes for key in set(data.keys(split))]
    assert len(keys) == len(set(keys))


def _scenes(folder: Path, orientation: int, size: tuple[int, int]) -> str:
    """Write ten turned pictures, with a box around the darkest field as it is seen, and entries of this size."""
    folder.mkdir()
    images, annotations = [], []
    for number in range(10):
        picture, exif = _turned(orientation, UPRIGHT + np.uint8(number % 5) + np.uint8(number // 5) * (UPRIGHT > 20))
        picture.save(folder / f"{number}.png", exif=exif)
        images.append({"id": number, "file_name": f"{number}.png", "width": size[0], "height": size[1]})
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": [0, 0, 8, 8]})
    coco = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "dark"}]}
    (folder / "annotations.json").write_text(json.dumps(coco), encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize("orientation", STORED)
def test_boxes_are_in_pixels_of_the_upright_picture(tmp_path: Path, orientation: int) -> None:
    """What lies within the box is the darkest field, however the picture is stored."""
    data: Any = load_plugins().tasks["object-detection"].data(_scenes(tmp_path / "d", orientation, (24, 16)), {})

    for split in data.sizes:
        for image, objects in zip(*data.scenes(split), strict=True):
            left, top, right, bottom = objects.boxes[0].astype(int)
            assert image.shape == (16, 24, 1)
            assert image[top:bottom, left:right].max() < 20


@pytest.mark.parametrize(
    ("orientation", "size", "message"),
    [
        (6, (16, 24), r"is 24x16 pixels; the entry says 16x24, its size without its EXIF orientation. Boxes are in"),
        (1, (16, 24), r"is 24x16 pixels; the entry says 16x24\. Its boxes would be misplaced"),
        (6, (48, 32), r"is 24x16 pixels; the entry says 48x32\. Its boxes would be misplaced"),
    ],
)
def test_a_size_that_is_not_the_upright_one_is_refused(
    tmp_path: Path, orientation: int, size: tuple[int, int], message: str
) -> None:
    """The message says so where it is the size as stored."""
    with pytest.raises(DataError, match=rf"image 0: it {message}"):
        load_plugins().tasks["object-detection"].check(_scenes(tmp_path / "d", orientation, size), {})


def test_frames_are_read_like_pictures(tmp_path: Path) -> None:
    """Of an animation and of a folder: upright, on white, 16 bits scaled; the substitute of an APNG is no frame."""
    clear = [Image.new("RGBA", (8, 8), (0, 0, 0, 0)), Image.new("RGBA", (8, 8), (90, 90, 90, 255))]
    for name in ("a", "b"):
        for number in range(3):
            folder = tmp_path / "clips" / name / f"{number}"
            folder.mkdir(parents=True)
            turned, exif = _turned(6)
            turned.save(folder / "0.png", exif=exif)
            Image.fromarray(UPRIGHT.astype(np.uint16) * 257 + number + 3 * (name == "b")).save(folder / "1.png")
            Image.fromarray(UPRIGHT // 2 + np.uint8(number + 3 * (name == "b"))).save(folder / "2.png")
    clear[0].save(tmp_path / "film.webp", save_all=True, append_images=clear[1:], lossless=True)
    substitute = Image.new("RGB", (8, 8), (200, 0, 0))
    frames = [Image.new("RGB", (8, 8), (level, level, level)) for level in (10, 20)]
    substitute.save(tmp_path / "film.png", save_all=True, append_images=frames, default_image=True)

    def film(name: str) -> list[list[int]]:
        shown = _picture.frames(name, tmp_path / name, lambda count: list(range(count)))
        return [np.asarray(frame)[0, 0].tolist() for frame in shown]

    data: Any = load_plugins().tasks["video-classification"].data(str(tmp_path / "clips"), {"clips": 8})
    for split in data.sizes:
        for clip in data.examples(split).inputs:
            assert (clip[0, ..., 0] == UPRIGHT).all()
            assert (clip[1, ..., 0] == UPRIGHT).all()
    assert film("film.webp") == [[255, 255, 255], [90, 90, 90]]
    assert film("film.png") == [[10, 10, 10], [20, 20, 20]]


def test_an_animation_among_the_pictures_of_a_clip_is_refused(tmp_path: Path) -> None:
    """Only its first frame was read."""
    folder = tmp_path / "rise" / "0"
    folder.mkdir(parents=True)
    NOISE.save(folder / "0.png")
    NOISE.save(folder / "1.gif", **TWO)

    with pytest.raises(DataError, match=r"rise/0/1\.gif cannot be read as an image: it has 2 frames"):
        load_plugins().tasks["video-classification"].check(str(tmp_path), {"clips": 8})


# Files that would fill memory or time ---------------------------------------------------------------------------------


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _sparse(width: int, height: int, more: bytes = b"") -> bytes:
    """Return a grey picture of which only the first row is there, with more chunks."""
    header = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = _png_chunk(b"IDAT", zlib.compress(bytes(width + 1)))
    return b"\x89PNG\r\n\x1a\n" + header + more + pixels + _png_chunk(b"IEND", b"")


def _packed(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


GIF_FRAME = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"


def _gif(width: int, height: int, count: int) -> bytes:
    """Return an animation whose frames, 15 bytes each, change one pixel of a large picture."""
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff" * 3 + GIF_FRAME * count + b";"
    )


BOMBS: dict[str, tuple[str, bytes, str]] = {
    "pixels": ("a.png", _sparse(200_000, 200_000), "Image size (40000000000 pixels) exceeds limit"),
    "many pixels": ("a.png", _sparse(10_000, 10_000), "it has 10,000 x 10,000 pixels; at most 89,478,485"),
    "packed text": ("a.png", _sparse(1, 1, _png_chunk(b"zTXt", b"k\0\0" + _packed(20_000_000))), "too large"),
    "packed Unicode": ("a.png", _sparse(1, 1, _png_chunk(b"iTXt", b"k\0\1\0\0\0" + _packed(20_000_000))), "too large"),
    "packed profile": ("a.png", _sparse(1, 1, _png_chunk(b"iCCP", b"k\0\0" + _packed(20_000_000))), "too large"),
    "cut off": ("a.png", _sparse(300, 300)[:50], "truncated"),
    "frames": ("a.gif", _gif(1, 1, 200_000), "it has more than 10,000 frames"),
    "frames of many pixels": (
        "a.gif",
        _gif(9_000, 9_000, 1_000),
        "it has 1,000 frames of 9,000 x 9,000 pixels; at most",
    ),
    "PostScript": ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nquit\n", "it is a text"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_by_name_and_at_once(bomb: str, tmp_path: Path) -> None:
    """As a picture and as a clip; PostScript is a program, which Pillow would run."""
    name, content, message = BOMBS[bomb]
    file = tmp_path / name
    file.write_bytes(content)

    assert len(content) < 4_000_000
    with pytest.raises(DataError, match=rf"a\.\w+ cannot be read as an image: .*{re.escape(message)}"):
        _picture.still(str(file), file)
    with pytest.raises(DataError, match=re.escape(message)):
        list(_picture.frames(str(file), file, lambda count: list(range(count))))


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_frames_are_counted_as_pillow_counts_them(form: str, count: int) -> None:
    """With tables of colours of their own, comments and loops; also where the last frame is cut off."""
    pictures = [Image.fromarray(np.full((9, 9, 3), level * 30, np.uint8)).quantize(8) for level in range(count)]
    options: dict[str, Any] = {"comment": b"x" * 600, "loop": 3} if form == "GIF" else {}
    content = _content(pictures[0], form, save_all=True, append_images=pictures[1:], **options)
    with _limits.opened(io.BytesIO(content)) as picture:
        assert _limits.frame_count(picture) == picture.n_frames == count
        assert np.asarray(picture.convert("L")).max() == 0
    if form == "GIF":
        with _limits.opened(io.BytesIO(content[:-3])) as picture:
            assert _limits.frame_count(picture) == count


def test_as_many_frames_as_may_be_are_read(tmp_path: Path) -> None:
    """Of a file with one more none is."""
    for count in (_limits.MOST_FRAMES, _limits.MOST_FRAMES + 1):
        (tmp_path / f"{count}.gif").write_bytes(_gif(1, 1, count))
    with _limits.opened(tmp_path / "10000.gif") as picture:
        assert _limits.frame_count(picture) == 10_000

    with pytest.raises(DataError, match="more than 10,000 frames"):
        list(_picture.frames("a", tmp_path / "10001.gif", range))


def test_pages_beyond_the_limit_are_not_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """In TIFF each page says where the next is."""
    monkeypatch.setattr(_limits, "MOST_FRAMES", 5)
    pages = [Image.new("L", (2, 2))] * 7
    content = _content(pages[0], "TIFF", save_all=True, append_images=pages[1:])

    with (
        _limits.opened(io.BytesIO(content)) as picture,
        pytest.raises(_limits.TooManyError, match="more than 5 frames"),
    ):
        _limits.frame_count(picture)
