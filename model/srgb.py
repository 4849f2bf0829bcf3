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
        return PillowImage.fromarray(_eight_bits(np.asarray(image), _sample_bits(image)))
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
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")


def _converted(image: PillowImage.Image, source: ImageCms.ImageCmsProfile) -> PillowImage.Image:
    target = ImageCms.createProfile("sRGB")
    result = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    if result is None:
        raise ValueError("no colour conversion was made")
    return result


def _sample_bits(image: PillowImage.Image) -> int | None:
    """How many bits of a sample of mode I;16 count; None: its values have to tell."""
    if not image.mode.startswith("I;16"):
        return None
    bits = getattr(image, "tag_v2", {}).get(258, (16,))  # BitsPerSample
    return int(bits[0]) if isinstance(bits, tuple) and bits and 8 < bits[0] <= 16 else 16


def _eight_bits(samples: NDArray[np.generic], bits: int | None) -> NDArray[np.uint8]:
    """H×W samples of any depth as uint8.

    Samples that do not say how deep they are fill the least of 1, 255 and 65535 that holds them
    (1 only for fractions); any other range is stretched from least to most.
    """
    values = np.nan_to_num(samples.astype(np.float32), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if bits is not None:
        top = float(2**bits - 1)
    elif low < 0 or high > 65535:
        values, top = values - low, high - low
    elif high <= 1 and samples.dtype.kind == "f":
        top = 1.0
    else:
        top = 255.0 if high <= 255 else 65535.0
    return np.clip(np.rint(values * (255 / max(top, 1e-12))), 0, 255).astype(np.uint8)
