"""Small pictures: of every layout, of packed images, and of bytes that only claim to be one."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rosbag2.extraction import images
from rosbag2.extraction.decoded_bag import DecodedBag
from rosbag2.extraction.images import ImageUnsuitableError, Thumbnail, thumbnails
from rosbag2.formats.metadata import Topic
from rosbag2.tests.messages import encoded
from rosbag2.writing.sqlite_writer import BagWriter

RED = (200, 30, 20)
SIZE = {"width": 8, "height": 6}


def bag(folder: Path, kind: str, *messages: dict[str, Any]) -> DecodedBag:
    with BagWriter(folder) as writer:
        number = writer.add_topic(Topic("/camera", kind))
        for at, fields in enumerate(messages):
            writer.write(number, 1000 + at, encoded(kind, **fields))
    return DecodedBag(folder)


def pictures(source: DecodedBag, count: int = 1) -> list[Thumbnail]:
    with source:
        last = 1000 + 1_000_000
        return list(thumbnails(source, "/camera", span=(1000, last), count=count))


def raw(encoding: str, pixels: Any, **more: Any) -> dict[str, Any]:
    data = np.frombuffer(np.ascontiguousarray(pixels).tobytes(), np.uint8)
    return {**SIZE, "encoding": encoding, "step": len(data) // 6, "data": data, **more}


def filled(*values: int, dtype: str = "u1") -> Any:
    return np.full((6, 8, len(values)), values, dtype)


def ramp(dtype: str) -> Any:
    return np.arange(48).reshape(6, 8).astype(dtype)


LAYOUTS: dict[str, tuple[Any, tuple[int, int, int] | None]] = {
    "rgb8": (filled(*RED), RED),
    "rgba8": (filled(*RED, 255), RED),
    "bgr8": (filled(*RED[::-1]), RED),
    "bgra8": (filled(*RED[::-1], 255), RED),
    "mono8": (filled(90), (90, 90, 90)),
    "8UC1": (filled(90), (90, 90, 90)),
    "8UC3": (filled(*RED[::-1]), RED),
    "rgb16": (filled(*(item << 8 for item in RED), dtype="<u2"), RED),
    "yuv422": (np.tile(np.array([128, 90, 128, 90], "u1"), 24), (90, 90, 90)),
    "yuv422_yuy2": (np.tile(np.array([90, 128, 90, 128], "u1"), 24), (90, 90, 90)),
    "bayer_rggb8": (filled(90), (90, 90, 90)),
    "mono16": (ramp("<u2"), None),
    "16UC1": (ramp("<u2"), None),
    "32FC1": (np.where(ramp("<f4") == 5, np.nan, ramp("<f4")), None),
}


@pytest.mark.parametrize("encoding", LAYOUTS)
def test_layouts(tmp_path: Path, encoding: str) -> None:
    pixels, colour = LAYOUTS[encoding]
    [result] = pictures(bag(tmp_path / "bag", images.RAW, raw(encoding, pixels)))
    assert (result.error, result.width, result.height, result.encoding) == ("", 8, 6, encoding)
    picture = Image.open(io.BytesIO(result.jpeg))
    assert (picture.format, picture.size) == ("JPEG", (8, 6))
    middle: Any = picture.convert("RGB").getpixel((4, 3))
    if colour is not None:
        assert max(abs(a - b) for a, b in zip(middle, colour, strict=True)) < 12
    else:
        dark, light = (picture.convert("L").getpixel(at) for at in ((0, 0), (7, 5)))
        assert dark < 60  # type: ignore[operator]
        assert light > 200  # type: ignore[operator]


def test_big_endian_and_padded_rows(tmp_path: Path) -> None:
    padded = np.zeros((6, 20), "u1")
    padded[:, :16] = ramp(">u2").view("u1")
    [result] = pictures(
        bag(tmp_path / "b", images.RAW, raw("16UC1", padded, is_bigendian=1, step=20))
    )
    picture = Image.open(io.BytesIO(result.jpeg)).convert("L")
    dark, light = (picture.getpixel(at) for at in ((0, 0), (7, 5)))
    assert dark < 60  # type: ignore[operator]
    assert light > 200  # type: ignore[operator]


def test_a_large_image_becomes_small_and_keeps_its_proportions(tmp_path: Path) -> None:
    pixels = np.zeros((1200, 1920, 3), "u1")
    message = raw("rgb8", pixels, width=1920, height=1200, step=1920 * 3)
    [result] = pictures(bag(tmp_path / "bag", images.RAW, message))
    assert (result.width, result.height) == (1920, 1200)
    assert Image.open(io.BytesIO(result.jpeg)).size == (320, 200)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "depth"])
def test_packed_images(tmp_path: Path, kind: str) -> None:
    out = io.BytesIO()
    if kind == "depth":
        Image.fromarray(ramp("u2")).save(out, "PNG")
        data = bytes(12) + out.getvalue()
    else:
        Image.new("RGB", (640, 480), RED).save(out, kind)
        data = out.getvalue()
    message = {"format": kind.lower(), "data": np.frombuffer(data, np.uint8)}
    [result] = pictures(bag(tmp_path / "bag", images.COMPRESSED, message))
    assert (result.error, result.encoding) == ("", kind.lower())
    assert (result.width, result.height) == ((8, 6) if kind == "depth" else (640, 480))


def bomb() -> bytes:
    """A PNG of 16 gigapixels."""
    out = io.BytesIO()
    Image.new("1", (16, 16)).save(out, "PNG")
    data = bytearray(out.getvalue())
    data[16:24] = (2**17).to_bytes(4, "big") * 2
    import zlib  # noqa: PLC0415

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


HOSTILE: dict[str, tuple[str, dict[str, Any]]] = {
    "too few bytes": (images.RAW, raw("rgb8", filled(*RED), width=4000, height=4000, step=12000)),
    "absurd sizes": (images.RAW, raw("rgb8", filled(*RED), width=2**32 - 1, height=2**32 - 1)),
    "no pixels": (images.RAW, raw("rgb8", filled(*RED), width=0, height=0)),
    "an unknown layout": (images.RAW, raw("<script>", filled(*RED))),
    "many channels": (images.RAW, raw("8UC99", filled(*RED))),
    "no image": (images.COMPRESSED, {"data": np.zeros(100, np.uint8)}),
    "a bomb": (images.COMPRESSED, {"data": np.frombuffer(bomb(), np.uint8)}),
    "a cut image": (images.COMPRESSED, {"data": np.frombuffer(bomb()[:40], np.uint8)}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_invalid_image_says_why(tmp_path: Path, name: str) -> None:
    kind, message = HOSTILE[name]
    [result] = pictures(bag(tmp_path / "bag", kind, message))
    assert result.error
    assert result.jpeg == b""


def test_moments_are_spread_and_given_once(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        number = writer.add_topic(Topic("/camera", images.RAW))
        for at in range(11):
            message = encoded(images.RAW, **raw("mono8", filled(at * 10)))
            writer.write(number, 1000 + at * 100, message)
    with DecodedBag(tmp_path / "bag") as source:
        result = list(thumbnails(source, "/camera", span=(1000, 2000), count=4))
        assert [item.time_ns for item in result] == [1000, 1300, 1500, 1800]
        assert len(list(thumbnails(source, "/camera", span=(1000, 1000), count=5))) == 1


def test_another_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageUnsuitableError, match="Image"):
        pictures(bag(tmp_path / "bag", "std_msgs/msg/String", {"data": "x"}))
