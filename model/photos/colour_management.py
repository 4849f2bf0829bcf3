"""Any pixels that a photo file can hold, made 8-bit sRGB."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageCms

_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def flattened(image: PillowImage.Image) -> PillowImage.Image:
    """The picture without transparency (on white), palette or deep samples.

    Args:
        image: decoded, of any mode.

    Returns:
        Mode L, RGB, CMYK or LAB, still in the colours of the file's own profile.
    """
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return PillowImage.fromarray(_eight_bits(image))
    if mode in ("P", "PA") or "transparency" in image.info:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif mode == "RGBa":
        image = image.convert("RGBA")
    if image.mode in ("LA", "RGBA"):
        colours = image.convert("L" if image.mode == "LA" else "RGB")
        paper = PillowImage.new(colours.mode, image.size, "white")
        paper.paste(colours, mask=image.getchannel("A"))
        return paper
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def managed(image: PillowImage.Image, profile: bytes | None) -> PillowImage.Image:
    """A flattened picture in sRGB.

    Args:
        image: mode L, RGB, CMYK or LAB.
        profile: the ICC profile that the file carries; one that is damaged or belongs to other
            channels is ignored.

    Returns:
        Mode RGB.
    """
    if image.mode == "LAB":
        return _converted(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = _PROFILE_MODES.get(source.profile.xcolor_space.strip())
            if mode == image.mode:
                return _converted(image, source)
            if mode == "RGB" and image.mode == "L":
                return _converted(image.convert("RGB"), source)
        except Exception:  # a damaged profile fails in many ways
            pass
    return image if image.mode == "RGB" else image.convert("RGB")


def _converted(image: PillowImage.Image, source: ImageCms.ImageCmsProfile) -> PillowImage.Image:
    target = ImageCms.createProfile("sRGB")
    result = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    if result is None:
        raise ValueError("no colour conversion was made")
    return result


def _eight_bits(image: PillowImage.Image) -> NDArray[np.uint8]:
    """H×W uint8 of deep grey samples.

    Samples that do not say how deep they are (modes I and F) fill the least of 1, 255 and 65535
    that holds them (1 only for fractions); any other range is stretched from least to most.
    """
    samples = np.asarray(image)
    if image.mode.startswith("I;16"):
        top = float(2 ** _sample_bits(image) - 1)
        grey: NDArray[np.uint8] = _scaled(np.arange(65536, dtype=np.float32), top)[samples]
        return grey
    values = np.nan_to_num(samples.astype(np.float32), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535:
        # By halves: the range itself can be more than a float32 holds.
        return _scaled(values / 2 - np.float32(low / 2), high / 2 - low / 2)
    if high <= 1 and image.mode == "F":
        return _scaled(values, 1.0)
    return _scaled(values, 255.0 if high <= 255 else 65535.0)


def _scaled(values: NDArray[np.floating], top: float) -> NDArray[np.uint8]:
    levels = np.clip(np.rint(values * np.float32(255 / top)), 0, 255)
    return np.asarray(levels, np.uint8)


def _sample_bits(image: PillowImage.Image) -> int:
    """How many bits of a sample of mode I;16 count: 12-bit TIFFs come in it too."""
    bits = getattr(image, "tag_v2", {}).get(258)  # BitsPerSample
    return 12 if bits == (12,) else 16
