"""The task of the promptable segmenter: SAM's training, on a frozen trunk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from model.datasets.ground_truth import TruePhoto, regions_of
from model.datasets.outlined_photos import OutlinedPhotos
from model.encoders.efficientnet import EfficientNetTrunk, require_sides
from model.masks import rle
from model.presets.preset import load_preset
from model.segmenters.dense.network import DenseNetwork
from model.segmenters.promptable.frame import framed, framed_masks
from model.segmenters.promptable.network import PromptedSam, PromptedShape, localised
from model.training.loop.seeds import seed_everything
from model.training.loop.task import Task, TaskContext, TaskKind
from model.training.prompts.batches import (
    PromptBatch,
    PromptPhotos,
    Views,
)
from model.training.prompts.photo_prompts import Prompts
from model.training.prompts.prompt_losses import overlap, prompt_terms

WEIGHTS = "prompts.safetensors"
_READING_RATE = 0.1
_REGIONS = 24  # of a photo that are measured at most


@dataclass(frozen=True)
class PromptSettings:
    """A recipe's section [task] for prompts.

    Attributes:
        width, heads, mlp, quality: see `PromptedShape`.
        side: pixels of the square frame.
        small, small_share: side of a smaller frame, in which steps cost a fraction, and share of
            the batches that are seen in it; no weight depends on the side.
        start: a preset whose promptable network, of the same shape, is where this one starts; "":
            none.
        neck: a preset whose dense masks' neck is where this one's starts; "": at random.
        neck_rate: share of the learning rate that the neck gets.
        regions: asked for in each photo, half of them by a point, half by a box; even.
        zoom, closest: see `Views`.
        corrected: share of the steps in which every mask is asked for once more, with the mask
            before and a point where that was wrong.
        focal: weight of the focal loss against the dice loss.
        photos: photos to learn from and, of the split `val`, to measure on.
    """

    width: int = 128
    heads: int = 4
    mlp: int = 512
    quality: int = 128
    side: int = 448
    small: int = 224
    small_share: float = 0.0
    start: str = ""
    neck: str = ""
    neck_rate: float = 0.3
    regions: int = 8
    zoom: float = 0.6
    closest: float = 0.35
    corrected: float = 0.5
    focal: float = 20.0
    photos: OutlinedPhotos = field(default_factory=OutlinedPhotos)

    def __post_init__(self) -> None:
        if self.regions < 2 or self.regions % 2:
            raise ValueError(f"regions is {self.regions}, expected an even number")
        require_sides("side", self.side)
        require_sides("small", self.small)


class PromptTask(Task):
    """Learns neck, prompt encoder and mask decoder.

    Args:
        settings: the recipe's.
        train: photos to learn from.
        val: photos to measure on.
        trunk: frozen.
        batch: photos a batch.
    """

    def __init__(
        self,
        settings: PromptSettings,
        train: Sequence[TruePhoto],
        val: Sequence[TruePhoto],
        trunk: EfficientNetTrunk,
        batch: int,
    ) -> None:
        shape = PromptedShape(settings.width, settings.heads, settings.mlp, settings.quality)
        self.network: PromptedSam = PromptedSam(trunk, shape, settings.side)
        localised(self.network)
        if settings.start:
            start = load_preset(settings.start).weights["prompts"].checked_path()
            self.network.load_state_dict(PromptedSam.load(start, trunk).state_dict())
        elif settings.neck:
            neck = DenseNetwork.load(load_preset(settings.neck).weights["masks"].path()).neck
            self.network.image_encoder.neck.load_state_dict(neck.state_dict())
        self._settings, self._batch = settings, batch
        self._train, self._val = train, val
        self._views = tuple(
            Views(side, settings.regions, settings.zoom, settings.closest)
            for side in (settings.side, settings.small)
        )

    def batches(self, epoch_seed: int) -> PromptPhotos:
        """Batches of as many photos as there are, drawn by the sources' weights."""
        photos = self._settings.photos
        order = photos.order(self._train, self._batch, epoch_seed)
        shares = (1 - self._settings.small_share, self._settings.small_share)
        return PromptPhotos(
            self._train, order, self._views, shares, frozenset(photos.exhaustive), epoch_seed
        )

    def loss(self, batch: PromptBatch) -> dict[str, Tensor]:
        """Focal, dice and IoU terms of one point or a box; and, at times, once more corrected."""
        self.network.resize(batch.pixels.shape[-1])
        embedding = self.network.image_encoder(batch.pixels)
        prompts = Prompts.first(batch.cover)
        logits, estimates = self._asked(embedding, prompts)
        terms = [prompt_terms(logits, estimates, batch.cover, batch.exhaustive)]
        if torch.rand(()) < self._settings.corrected:
            chosen = estimates[:, :, 1:].argmax(dim=2)[:, :, None, None, None] + 1
            before = logits.detach().take_along_dim(chosen, dim=2)[:, :, 0]
            again = prompts.corrected(before, batch.cover)
            logits, estimates = self._asked(embedding, again)
            terms.append(prompt_terms(logits, estimates, batch.cover, batch.exhaustive))
        focal, dice, iou, fit = torch.stack(terms).mean(dim=0)
        total = self._settings.focal * focal + dice + iou
        return {"loss": total, "focal": focal, "dice": dice, "iou": iou, "fit": fit}

    def validate(self) -> dict[str, float]:
        """Mean IoU at stride 4, of val's regions over 0.2 % of the photo: of one point, the best
        of three masks and the one chosen by its estimate; of three points; of a box."""
        fits: dict[str, list[Tensor]] = defaultdict(list)
        side = self._settings.side
        self.network.resize(side)
        for photo in self._val:
            counts = [region.counts for region in regions_of(photo, 0)]
            if not counts:
                continue
            cover = framed_masks(rle.decode(counts[:_REGIONS], photo.size), side)
            for name, fit in self._fits(framed(photo.read().pixels, side), cover).items():
                fits[name].append(fit)
        return {name: float(torch.cat(values).mean()) for name, values in fits.items()}

    def export(self, folder: Path) -> None:
        """`prompts.safetensors`."""
        self.network.resize(self._settings.side)
        self.network.save(folder / WEIGHTS)

    def rate(self, parameter: str) -> float:
        """The neck, which has learned before, learns less; what reads its maps for outlines less
        still: they are all positive, so that many small steps there add up."""
        if parameter.startswith(("image_encoder.middle.", "image_encoder.fine.")):
            return _READING_RATE
        begun = bool(self._settings.start or self._settings.neck)
        known = begun and parameter.startswith("image_encoder.neck.")
        return self._settings.neck_rate if known else 1.0

    def _asked(self, embedding: Tensor, prompts: Prompts) -> tuple[Tensor, Tensor]:
        """B×P×4×H×W float32 logits, and B×P×4 estimates."""
        tokens, dense = prompts.encoded(self.network.prompt_encoder)
        with torch.autocast(embedding.device.type, enabled=False):
            places = self.network.prompt_encoder.get_dense_pe()
        logits, estimates = self.network.mask_decoder.predict_masks(
            embedding, places, tokens, dense
        )
        photos = len(embedding)
        return (
            logits.float().view(photos, -1, *logits.shape[1:]),
            estimates.float().view(photos, -1, estimates.shape[1]),
        )

    def _fits(self, pixels: Tensor, cover: Tensor) -> dict[str, Tensor]:
        """IoU of each region, by what was asked."""
        embedding = self.network.image_encoder(pixels[None])
        twice = torch.cat([cover, cover])[None]  # once by points, once by boxes
        prompts = Prompts.first(twice)
        logits, estimates = self._asked(embedding, prompts)
        known = overlap(logits, twice)
        regions = len(cover)
        rows = torch.arange(2 * regions)
        chosen = estimates[0, :, 1:].argmax(dim=1) + 1
        fits = {
            "point_best": known[0, :regions, 1:].amax(dim=1),
            "point": known[0, rows, chosen][:regions],
            "box": known[0, regions:, 0],
        }
        current = logits[0, rows, chosen][None]
        for _ in range(2):
            prompts = prompts.corrected(current, twice)
            current = self._asked(embedding, prompts)[0][:, :, 0]
        return fits | {"points_3": overlap(current[:, :, None], twice)[0, :regions, 0]}


def prompt_kind() -> TaskKind:
    """Kind of task `prompts`: how a recipe's [task] is read and built."""
    return TaskKind(PromptSettings, _build)


def _build(settings: PromptSettings, context: TaskContext) -> PromptTask:
    train, measured = settings.photos.read(context.data)
    trunk = EfficientNetTrunk.shared()
    seed_everything(context.seed)  # a trunk that was built until now drew, a remembered one not
    return PromptTask(settings, train, measured.get("val", []), trunk, context.batch)
