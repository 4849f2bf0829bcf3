"""Any pixels that a photo file can hold, made 8-bit sRGB."""

from __future__ import annotations

import io

import numpy as np
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
    if mode.startswith("I;16"):  # of a PNG: all 16 bits count
        samples = np.asarray(image).astype(np.float32)
        return PillowImage.fromarray(np.rint(samples / np.float32(257)).astype(np.uint8))
    if mode in ("P", "PA") or "transparency" in image.info:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif mode in ("RGBa", "La"):
        image = image.convert("RGBA" if mode == "RGBa" else "LA")
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
