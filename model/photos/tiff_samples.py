"""Samples of TIFFs that Pillow reads wrongly or not at all: deep, signed, floating, separate.

What the tags say is worked out here, by the TIFF 6.0 specification; tifffile and imagecodecs
unpack the bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COLORMAP,
    COMPRESSION,
    EXTRASAMPLES,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
)

from model.photos.containers.parts import FileUnsound, LayoutUnsupported, MemoryExceeded

_MAXIMUM, _DEPTH = 281, 32997  # MaxSampleValue, ImageDepth
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _LAB, _ICC_LAB = 0, 1, 2, 3, 5, 8, 9
# channels of colour of each photometric interpretation
_COLOURS = {
    _WHITE_IS_ZERO: 1,
    _BLACK_IS_ZERO: 1,
    _RGB: 3,
    _PALETTE: 1,
    _CMYK: 4,
    _LAB: 3,
    _ICC_LAB: 3,
}
# none, CCITT, LZW, JPEG, Deflate, PackBits, ThunderScan, LogLuv, LZMA, Zstandard
_UNPACKED_BY_PILLOW = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32809, 32946, 34676, 34677, 34925, 50000}
_UNSIGNED, _SIGNED, _FLOATING, _UNDEFINED = 1, 2, 3, 4
_PREMULTIPLIED, _ALPHA = 1, 2
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_BAND = 1 << 22  # samples looked at together


def needs_own_reading(tags: Mapping[int, Any]) -> bool:
    """Whether the samples of a page are other than unsigned ones of at most 8 bits in one plane,
    or packed as Pillow cannot unpack them."""
    bits = _tuple(tags.get(BITSPERSAMPLE), (1,))
    formats = _tuple(tags.get(SAMPLEFORMAT), (_UNSIGNED,))
    return (
        max(bits) > 8
        or tags.get(COMPRESSION, 1) not in _UNPACKED_BY_PILLOW
        or not set(formats) <= {_UNSIGNED, _UNDEFINED}
        or tags.get(PHOTOMETRIC_INTERPRETATION) == _ICC_LAB
        or tags.get(_DEPTH, 1) != 1
        or (tags.get(PLANAR_CONFIGURATION) == 2 and len(bits) > 1)
    )


class TiffSamples:
    """Decoded samples of one page, shown as 8-bit colours a band of rows at a time.

    Attributes:
        size: (width, height) as the pixels lie in the file.

    Raises:
        LayoutUnsupported: samples that are no colours of a photo.
        FileUnsound: pixels are missing.
    """

    def __init__(self, file: BinaryIO, tags: Mapping[int, Any], most_bytes: float) -> None:
        self._photometric = tags.get(PHOTOMETRIC_INTERPRETATION, _BLACK_IS_ZERO)
        if self._photometric not in _COLOURS:
            raise LayoutUnsupported(f"a TIFF of photometric interpretation {self._photometric}")
        colours = _COLOURS[self._photometric]
        self._samples = _decoded(file, colours, most_bytes)
        height, width, channels = self._samples.shape
        self.size = (width, height)
        self._colours, self._alpha = colours, _alpha(tags, colours, channels)
        self._palette = _palette(tags) if self._photometric == _PALETTE else None
        self._low, self._high = _range(self._samples[..., :colours], tags)

    def band(self, top: int, bottom: int) -> PillowImage.Image:
        """Rows of the picture: mode L, RGB, CMYK or LAB, or one of them with transparency."""
        part = self._samples[top:bottom]
        if self._photometric in (_LAB, _ICC_LAB):
            return _lab(part[..., :3], self._photometric == _LAB)
        if self._palette is not None:
            return PillowImage.fromarray(self._palette[part[..., 0]], "RGB")
        colours = _eight_bits(part[..., : self._colours], self._low, self._high)
        if self._photometric == _WHITE_IS_ZERO:
            colours = 255 - colours
        mode = _MODES[self._colours]
        if self._alpha is None or mode == "CMYK":
            return PillowImage.fromarray(colours.squeeze(2) if mode == "L" else colours, mode)
        top_alpha = self._high if self._samples.dtype.kind == "f" else _full(self._samples.dtype)
        alpha = _eight_bits(part[..., self._colours, None], 0.0, top_alpha)
        if self._alpha == _PREMULTIPLIED:  # laid on white: what is not covered is white
            shown = np.minimum(colours.astype(np.uint16) + (255 - alpha), 255).astype(np.uint8)
            return PillowImage.fromarray(shown.squeeze(2) if mode == "L" else shown, mode)
        return PillowImage.fromarray(np.concatenate([colours, alpha], axis=2), mode + "A")


def _decoded(file: BinaryIO, colours: int, most_bytes: float) -> NDArray[Any]:
    """H×W×C samples of the first page."""
    file.seek(0)
    with tifffile.TiffFile(file, name="the photo", _multifile=False) as tiff:
        page = tiff.pages.first
        if page.dtype is None or page.axes not in ("YX", "YXS", "SYX"):
            raise LayoutUnsupported(f"a TIFF of axes {page.axes} and {page.bitspersample} bits")
        channels = page.samplesperpixel
        if channels > colours + 4 or page.imagedepth != 1:
            raise LayoutUnsupported(f"a TIFF of {channels} channels")
        if page.nbytes > most_bytes:
            raise MemoryExceeded(page.nbytes)
        size = file.seek(0, os.SEEK_END)
        ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if not ends or max(ends) > size:
            raise FileUnsound("its pixels are cut off")
        try:
            samples = page.asarray(maxworkers=1)
        except (NotImplementedError, tifffile.TiffFileError) as error:
            raise LayoutUnsupported(str(error)) from error
    if samples.dtype.kind not in "uif":
        raise LayoutUnsupported(f"a TIFF of samples of type {samples.dtype}")
    if page.axes == "SYX":
        return np.moveaxis(samples, 0, 2)
    return samples if samples.ndim == 3 else samples[:, :, None]


def _alpha(tags: Mapping[int, Any], colours: int, channels: int) -> int | None:
    """Kind of transparency that the channel after the colours holds."""
    more = channels - colours
    if more <= 0:
        return None
    kinds = _tuple(tags.get(EXTRASAMPLES), ())
    if kinds and kinds[0] in (_PREMULTIPLIED, _ALPHA):
        return int(kinds[0])
    if more > 1:
        raise LayoutUnsupported(f"a TIFF of {channels} channels")
    return _ALPHA if not kinds and colours == 3 else None


def _palette(tags: Mapping[int, Any]) -> NDArray[np.uint8]:
    """N×3 colours that samples of 1 to 16 bits stand for."""
    entries = np.array(_tuple(tags.get(COLORMAP), ()), np.uint32)
    bits = max(_tuple(tags.get(BITSPERSAMPLE), (1,)))
    if bits > 16 or len(entries) != 3 * 2**bits:
        raise LayoutUnsupported(f"a palette of {len(entries) // 3} colours for {bits} bits")
    return (entries.reshape(3, -1).T >> 8).astype(np.uint8)


def _range(samples: NDArray[Any], tags: Mapping[int, Any]) -> tuple[float, float]:
    """Values of black and of white.

    Whole numbers say how deep they are by their bits, by their largest value where that is told,
    or, kept in 16 bits, fill the least of 10, 12, 14 and 16 bits that holds them all. Fractions
    go up to 1; light brighter than that is cut where little of it is; floating samples may also
    be whole numbers of 8 or 16 bits. Any other range is stretched from least to most.
    """
    low, high = _extremes(samples)
    if samples.dtype.kind == "f":
        if low < 0 or high > 65535:
            return low, high
        if high <= 1 or _share_above(samples, 1.0) <= _FEW_HIGHLIGHTS:
            return 0.0, 1.0
        return 0.0, 255.0 if high <= 255 else 65535.0
    if low < 0:
        return low, high
    bits = max(_tuple(tags.get(BITSPERSAMPLE), (8,)))
    if bits < 16 or samples.dtype.itemsize == 1:
        return 0.0, float(2 ** (bits - (samples.dtype.kind == "i")) - 1)
    told = _tuple(tags.get(_MAXIMUM), (0,))[0]
    if isinstance(told, int) and max(high, 255) <= told < 2**bits:
        return 0.0, float(told)
    if bits == 16:
        depths = (10, 12, 14, 15, 16) if samples.dtype.kind == "i" else (10, 12, 14, 16)
        held = next(float(2**depth - 1) for depth in depths if high < 2**depth)
        return 0.0, held if high > 255 else 65535.0
    return (0.0, high) if high > 65535 else (0.0, 255.0 if high <= 255 else 65535.0)


_FEW_HIGHLIGHTS = 0.05


def _extremes(samples: NDArray[Any]) -> tuple[float, float]:
    """Least and largest of all that are finite; (0, 0) if none is."""
    least, most = np.inf, -np.inf
    for band in _bands(samples):
        if band.dtype.kind == "f":
            band = band[np.isfinite(band)]
        if band.size:
            least, most = min(least, float(band.min())), max(most, float(band.max()))
    return (least, most) if least <= most else (0.0, 0.0)


def _share_above(samples: NDArray[Any], limit: float) -> float:
    return sum(int((band > limit).sum()) for band in _bands(samples)) / samples.size


def _bands(samples: NDArray[Any]) -> list[NDArray[Any]]:
    rows = max(1, _BAND // max(1, samples.shape[1] * samples.shape[2]))
    return [samples[top : top + rows] for top in range(0, samples.shape[0], rows)]


def _full(dtype: np.dtype[Any]) -> float:
    return float(np.iinfo(dtype).max)


def _eight_bits(samples: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    # float64, and by halves: the range itself can be more than the samples' type holds
    values = samples.astype(np.float64)
    if samples.dtype.kind == "f":
        values[~np.isfinite(values)] = 0.0
    span = high / 2 - low / 2
    if not span:
        return np.zeros(samples.shape, np.uint8)
    levels = np.rint((values / 2 - low / 2) * (255 / span))
    return np.clip(levels, 0, 255).astype(np.uint8)


def _lab(samples: NDArray[Any], signed: bool) -> PillowImage.Image:
    """CIELAB of 8 or 16 bits: L unsigned, a and b signed or offset by a half."""
    if samples.dtype.itemsize > 2 or samples.dtype.kind == "f":
        raise LayoutUnsupported(f"CIELAB of type {samples.dtype}")
    kind = np.dtype(f"u{samples.dtype.itemsize}")
    eight = (samples.view(kind) >> (8 * (kind.itemsize - 1))).astype(np.uint8)
    if not signed:
        eight[..., 1:] ^= 128
    height, width = eight.shape[:2]
    return PillowImage.frombytes("LAB", (width, height), eight.tobytes(), "raw", "LAB")


def _tuple(value: object, default: tuple[Any, ...]) -> tuple[Any, ...]:
    if value is None or value == ():
        return default
    return value if isinstance(value, tuple) else (value,)
