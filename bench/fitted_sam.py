"""SAM ViT-B whose prompts and masks are fitted, in some three minutes of one core.

There are no published weights here, and random ones say little of rounding: what differs between
points is small in them and has to be magnified to draw (`drawing_sam`). Here the image encoder is
random and frozen; the prompt encoder and the mask decoder, of real architecture and size, learn to
draw the regions of like colour around a point, small, middle and large, on seven photos that come
with scikit-learn and scikit-image. Most steps see a sixteenth of the cells, in their places, the
last ones all of them. Its masks are smooth and its logits small, but they fit poorly (IoU 0.3).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageFilter
from segment_anything import sam_model_registry
from segment_anything.modeling import Sam
from skimage import data
from skimage.segmentation import felzenszwalb
from sklearn.datasets import load_sample_image
from torch import Tensor
from torch.nn import functional

from model.segmenters.promptable.network import localised_prompts
from model.segmenters.sam.networks.image_encoder import ImageEncoder
from model.training.losses.mask_losses import dice_loss, focal_loss, overlaps

Photo = NDArray[np.uint8]
CELLS, FINE = 64, 4  # cells a side; a cell has FINE×FINE of a mask
SCALES = (60.0, 200.0, 600.0)  # of the regions that the three hypotheses learn
NOTHING, CONSTANT = -2.5, 2.0  # the first logits, and a channel that is the same everywhere


@dataclass(frozen=True)
class Fitting:
    """How it is done.

    Attributes:
        steps: for each size of the part of a photo that is seen, in cells a side.
        points: of one photo, a step.
        rate: the highest learning rate, reached after a twentieth of the steps.
    """

    steps: Mapping[int, int] = field(default_factory=lambda: {16: 450, 32: 60, CELLS: 15})
    points: int = 12
    rate: float = 6e-4


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo as it is learned from.

    Attributes:
        features: 256×64×64 of the frozen image encoder.
        regions: 3×256×256 int64 numbers of the regions at each scale, 0 beside the photo.
    """

    features: Tensor
    regions: Tensor


def fitted_vit_b(file: Path, fitting: Fitting | None = None) -> Sam:
    """The fitted model, read from the file or, if there is none, made and kept there."""
    torch.manual_seed(0)
    sam = sam_model_registry["vit_b"]().requires_grad_(False)
    if file.exists():
        sam.load_state_dict(torch.load(file, weights_only=True))
        return sam
    start(sam)
    encode = ImageEncoder(copy.deepcopy(sam.image_encoder), torch.bfloat16, torch.device("cpu"))
    fit(sam, [seen(sam, encode, photo) for photo in photos()], fitting or Fitting())
    torch.save(sam.state_dict(), file)
    return sam


@torch.no_grad()
def start(sam: Sam) -> None:
    """Let masks begin as nothing, and tokens with what is seen at their place."""
    for name, parameter in sam.image_encoder.named_parameters():
        if "rel_pos" in name or "pos_embed" in name:
            parameter.normal_(std=0.02)
    sam.image_encoder.neck[-1].weight.fill_(0.3)  # about as loud as a place
    localised_prompts(sam.prompt_encoder, sam.mask_decoder)
    last = sam.mask_decoder.output_upscaling[-2]
    last.weight[:, 0], last.bias[0] = 0, CONSTANT
    for perceptron in sam.mask_decoder.output_hypernetworks_mlps:
        perceptron.layers[-1].bias[0] = NOTHING / CONSTANT


def photos() -> list[Photo]:
    """What is learned from, RGB."""
    packaged = ("astronaut", "coffee", "chelsea", "rocket")
    return [
        *(load_sample_image(name) for name in ("china.jpg", "flower.jpg")),
        *(getattr(data, name)() for name in packaged),
        data.stereo_motorcycle()[0],
    ]


@torch.no_grad()
def seen(sam: Sam, encode: ImageEncoder, photo: Photo) -> Seen:
    """The features and the regions of a photo."""
    side, image = CELLS * FINE, PillowImage.fromarray(photo)
    large, small = (
        image.resize(
            [round(length * s / max(image.size)) for length in image.size],
            PillowImage.Resampling.LANCZOS,
        )
        for s in (side * FINE, side)
    )
    pixels = torch.from_numpy(np.array(large)).permute(2, 0, 1).float()
    features = encode(sam.preprocess(pixels)[None])[0].float()
    regions = torch.zeros(len(SCALES), side, side, dtype=torch.int64)
    for one, scale in zip(regions, SCALES, strict=True):
        found = felzenszwalb(np.asarray(small), scale=scale, sigma=1.0, min_size=60)
        numbers = PillowImage.fromarray((found % 255 + 1).astype(np.uint8))
        smooth = numbers.filter(ImageFilter.ModeFilter(5))
        one[: small.height, : small.width] = torch.from_numpy(np.array(smooth))
    return Seen(features, regions)


def fit(sam: Sam, seen: list[Seen], fitting: Fitting) -> None:
    """Fit prompts and masks in place."""
    learned = [*sam.prompt_encoder.parameters(), *sam.mask_decoder.parameters()]
    for parameter in learned:
        parameter.requires_grad_(True)
    parts = [part for part, steps in fitting.steps.items() for _ in range(steps)]
    optimizer = torch.optim.AdamW(learned, weight_decay=0.01)
    random = torch.Generator().manual_seed(0)
    for step, part in enumerate(parts):
        warm, rest = 20 * (step + 1) / len(parts), math.cos(math.pi / 2 * step / len(parts))
        for group in optimizer.param_groups:
            group["lr"] = fitting.rate * min(warm, 1) * rest
        photo = seen[int(torch.randint(len(seen), (), generator=random))]
        loss = step_loss(sam, photo, part, fitting.points, random)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
    sam.requires_grad_(False)


def step_loss(sam: Sam, photo: Seen, part: int, points: int, random: torch.Generator) -> Tensor:
    """What is minimised at some points of a part of a photo."""
    inside = photo.regions[0, ::FINE, ::FINE] > 0
    top, left = (
        int(torch.randint(max(int(line.sum()) - part, 0) + 1, (), generator=random))
        for line in (inside[:, 0], inside[0])
    )
    down, across = slice(top, top + part), slice(left, left + part)
    rows, columns = (slice(FINE * s.start, FINE * s.stop) for s in (down, across))
    regions = photo.regions[:, rows, columns]
    place = torch.multinomial((regions[0] > 0).flatten().float(), points, generator=random)
    row, column = place // regions.shape[2], place % regions.shape[2]
    at = torch.stack([column + columns.start, row + rows.start], dim=1) * FINE + FINE / 2
    sparse, dense = sam.prompt_encoder((at[:, None], torch.ones(points, 1)), None, None)
    with torch.autocast("cpu", torch.bfloat16):
        logits, quality = sam.mask_decoder.predict_masks(
            photo.features[None, :, down, across],
            sam.prompt_encoder.get_dense_pe()[..., down, across],
            sparse,
            dense[..., down, across],
        )
    targets = (regions == regions[:, row, column].T[:, :, None, None]).float()
    targets = targets[:, [1, 0, 1, 2]].flatten(0, 1)  # the single mask is of the middle scale
    drawn = logits.float().flatten(0, 1)
    iou = overlaps(drawn.detach(), targets).diagonal()
    wrong = 20 * focal_loss(drawn, targets) + dice_loss(drawn, targets)
    return wrong.mean() + functional.mse_loss(quality.float().flatten(), iou)
