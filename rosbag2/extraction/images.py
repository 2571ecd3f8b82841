"""Small pictures of Image and CompressedImage messages at a few moments."""

import io
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from rosbag2.extraction.decoded_bag import DecodedBag, Span
from rosbag2.messages.cdr import CdrError, Cursor
from rosbag2.messages.message_types import ArrayType, MessageType, PrimitiveType, StringType

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
TYPES = frozenset({RAW, COMPRESSED})
MAX_PIXELS = 40_000_000
"""Pixels of an image that is unpacked."""
SIDE = 320
"""Longest side of a small picture."""
_DEPTH_HEADER = 12
"""Bytes that image_transport puts in front of the PNG of a depth image."""
_PNG = b"\x89PNG\r\n\x1a\n"

Pixels = NDArray[Any]


class ImageUnsuitableError(Exception):
    """The topic holds no images; the text says which types do."""

    code = "TYPE_UNSUITABLE"


class ImageInvalidError(Exception):
    """A message that is no image which can be shown; the text says why."""


@dataclass(frozen=True)
class Thumbnail:
    """A small picture as JPEG; `error` instead where there is none. Sizes are of the original, in pixels."""

    time_ns: int
    width: int = 0
    height: int = 0
    encoding: str = ""
    jpeg: bytes = b""
    error: str = ""


def thumbnails(source: DecodedBag, name: str, *, span: Span, count: int) -> Iterator[Thumbnail]:
    """Pictures at `count` moments of a span, evenly spread; the same message only once.

    Raises:
        TopicUnknownError, TypeUnknownError: as `DecodedBag.shape`.
        ImageUnsuitableError: the topic is of another type.
    """
    message_type = source.message_type(name)
    if message_type.name not in TYPES:
        message = f"{name} is of the type {message_type.name}: choose a topic of {' or '.join(sorted(TYPES))}"
        raise ImageUnsuitableError(message)
    last_ns = None
    for number in range(count):
        moment = span[0] + (span[1] - span[0]) * number // count
        first = source.first_after(name, moment)
        if first is None or first[0] == last_ns or first[0] > span[1]:
            continue
        last_ns = first[0]
        yield _thumbnail(message_type, *first)


def _thumbnail(message_type: MessageType, time_ns: int, data: bytes) -> Thumbnail:
    try:
        fields = _read(message_type, data)
        picture, size = _raw(fields) if message_type.name == RAW else _unpacked(fields["data"])
    except (CdrError, ImageInvalidError) as error:
        return Thumbnail(time_ns, error=str(error))
    picture.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=82)
    encoding = str(fields.get("encoding") or fields.get("format") or "")[:100]
    return Thumbnail(time_ns, *size, encoding, out.getvalue())


def _read(message_type: MessageType, data: bytes) -> dict[str, Any]:
    """The fields of the message, its bytes as a view."""
    cursor = Cursor(data)
    fields: dict[str, Any] = {}
    for name, inner in message_type.fields.items():
        match inner:
            case PrimitiveType():
                fields[name] = cursor.number(inner)
            case StringType():
                fields[name] = cursor.text(200)[0]
            case ArrayType(item=PrimitiveType(size=1)):
                count = cursor.count_of(inner)
                start = cursor.advance(count)
                fields[name] = memoryview(data)[start : start + count]
            case _:
                cursor.skip(inner)
    if "data" not in fields:
        raise ImageInvalidError("it has no data")
    return fields


Sized = tuple[Image.Image, tuple[int, int]]
"""A picture, perhaps smaller already, and the size of the original in pixels."""


def _unpacked(packed: memoryview) -> Sized:
    """An image in a format of its own; its pixels are counted before they are unpacked."""
    body = bytes(packed)
    if body[_DEPTH_HEADER : _DEPTH_HEADER + len(_PNG)] == _PNG:
        body = body[_DEPTH_HEADER:]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(body), formats=["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
            size = picture.size
            if size[0] * size[1] > MAX_PIXELS:
                raise ImageInvalidError(f"it has {size[0]} x {size[1]} pixels, too many")
            picture.draft("RGB", (SIDE, SIDE))
            picture.load()
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ImageInvalidError("its data are no JPEG, PNG, WebP, TIFF or BMP image") from error
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise ImageInvalidError("its image is damaged") from error
    if picture.mode.startswith(("I", "F")):
        return _grey(np.asarray(picture, dtype=np.float64)), size
    return picture, size


def _raw(fields: dict[str, Any]) -> Sized:
    width, height, step = (int(fields.get(key, 0)) for key in ("width", "height", "step"))
    encoding = str(fields.get("encoding", ""))
    if not 0 < width * height <= MAX_PIXELS:
        raise ImageInvalidError(f"it has {width} x {height} pixels")
    layout = _LAYOUTS.get(encoding.lower()) or _opencv(encoding)
    if layout is None:
        raise ImageInvalidError(f"the encoding {encoding[:40]} is not known here")
    dtype, channels, show = layout
    order: Literal[">", "<"] = ">" if fields.get("is_bigendian") else "<"
    kind = np.dtype(dtype).newbyteorder(order)
    row = width * channels * kind.itemsize
    step = max(step, row)  # some drivers leave it 0
    if step * (height - 1) + row > len(fields["data"]):
        raise ImageInvalidError(f"it has {len(fields['data'])} of {step * height} bytes")
    flat = np.frombuffer(fields["data"], np.uint8)[: step * (height - 1) + row]
    rows = np.lib.stride_tricks.as_strided(flat, (height, row), (step, 1), writeable=False)
    # Only every n-th pixel is read: the picture is small anyway.
    stride = max(1, min(width, height) // (2 * SIDE))
    pixels = np.ascontiguousarray(rows[::stride]).view(kind).reshape(-1, width, channels)
    return _shaped(show(_columns(pixels, stride, encoding)), width, height), (width, height)


def _columns(pixels: Pixels, stride: int, encoding: str) -> Pixels:
    """Every n-th column; all of them for packed pairs (4:2:2)."""
    return pixels if "422" in encoding or "yuy" in encoding.lower() else pixels[:, ::stride]


def _shaped(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The picture, with the proportions of the original."""
    if picture.size == (width, height):
        return picture
    scale = min(1.0, 2 * SIDE / max(width, height))
    return picture.resize((max(1, round(width * scale)), max(1, round(height * scale))))


def _grey(values: Pixels) -> Image.Image:
    """Numbers as shades of grey, from the least to the greatest but for the outermost hundredth."""
    plane = values[..., 0] if values.ndim > 2 else values  # noqa: PLR2004
    plane = plane.astype(np.float64)
    finite = plane[np.isfinite(plane)]
    low, high = np.percentile(finite, (1, 99)) if finite.size else (0.0, 0.0)
    shade = (plane - low) / (high - low) if high > low else np.zeros_like(plane)
    shade = np.nan_to_num(np.clip(shade, 0, 1))
    return Image.fromarray((shade * 255).astype(np.uint8), "L")


def _mono(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0]), "L")


def _rgb(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[..., :3]), "RGB")


def _bgr(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(pixels[..., 2::-1]), "RGB")


def _high_byte(show: Callable[[Pixels], Image.Image]) -> Callable[[Pixels], Image.Image]:
    return lambda pixels: show((pixels >> 8).astype(np.uint8))


def _yuv(order: str) -> Callable[[Pixels], Image.Image]:
    """4:2:2 in pairs of pixels; `order` is that of its four bytes."""

    def show(pixels: Pixels) -> Image.Image:
        height, width = pixels.shape[0], pixels.shape[1] // 2 * 2
        quads = pixels[:, :width].reshape(height, -1, 4)
        first, second = (quads[..., at] for at, name in enumerate(order) if name == "y")
        luma = np.stack([first, second], axis=-1).reshape(height, -1)
        blue, red = (np.repeat(quads[..., order.index(name)], 2, axis=1) for name in "uv")
        return Image.fromarray(np.dstack([luma, blue, red]), "YCbCr").convert("RGB")

    return show


Layout = tuple[str, int, Callable[[Pixels], Image.Image]]
_LAYOUTS: dict[str, Layout] = {
    "mono8": ("u1", 1, _mono),
    "mono16": ("u2", 1, _grey),
    "rgb8": ("u1", 3, _rgb),
    "rgba8": ("u1", 4, _rgb),
    "bgr8": ("u1", 3, _bgr),
    "bgra8": ("u1", 4, _bgr),
    "rgb16": ("u2", 3, _high_byte(_rgb)),
    "rgba16": ("u2", 4, _high_byte(_rgb)),
    "bgr16": ("u2", 3, _high_byte(_bgr)),
    "bgra16": ("u2", 4, _high_byte(_bgr)),
    "yuv422": ("u1", 2, _yuv("uyvy")),
    "uyvy": ("u1", 2, _yuv("uyvy")),
    "yuv422_yuy2": ("u1", 2, _yuv("yuyv")),
    "yuyv": ("u1", 2, _yuv("yuyv")),
    **{f"bayer_{pattern}8": ("u1", 1, _mono) for pattern in ("rggb", "bggr", "gbrg", "grbg")},
    **{f"bayer_{pattern}16": ("u2", 1, _grey) for pattern in ("rggb", "bggr", "gbrg", "grbg")},
}
_DEPTHS = {"8U": "u1", "8S": "i1", "16U": "u2", "16S": "i2", "32S": "i4", "32F": "f4", "64F": "f8"}
_COLOURS = 3


def _opencv(encoding: str) -> Layout | None:
    """The layouts that OpenCV names, such as 16UC1 and 32FC1."""
    depth, mark, count = encoding.upper().partition("C")
    channels = int(count) if count.isdecimal() and len(count) == 1 else 1 if not count else 0
    if depth not in _DEPTHS or not channels or not mark:
        return None
    colour = depth == "8U" and channels >= _COLOURS
    return _DEPTHS[depth], channels, _bgr if colour else _mono if encoding == "8UC1" else _grey
