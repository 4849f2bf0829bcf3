"""The task of the dense segmenter: masks that people outlined, from a frozen trunk's maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model.datasets.ground_truth import TruePhoto, regions_of
from model.datasets.outlined_photos import OutlinedPhotos
from model.encoders.efficientnet import (
    CHANNELS,
    FINE_CHANNELS,
    EfficientNetTrunk,
    input_size,
    require_sides,
)
from model.evaluation.masks.average_recall import found_at, recall
from model.evaluation.masks.mask_recall import in_photo_frame
from model.masks import rle
from model.presets.preset import load_preset
from model.segmenters.dense.head import HYPOTHESES, DenseProposals
from model.segmenters.dense.network import DenseNetwork
from model.segmenters.dense.selection import Selection, chosen_segments
from model.training.dense_masks.augmentation import ViewSettings
from model.training.dense_masks.batches import MaskBatch, MaskPhotos, kept_maps
from model.training.loop.feature_store import FeatureStore
from model.training.loop.seeds import seed_everything
from model.training.loop.task import Task, TaskContext, TaskKind
from model.training.losses.mask_losses import (
    best_hypothesis,
    dice_loss,
    focal_loss,
    iou_loss,
    overlaps,
)

WEIGHTS = "masks.safetensors"
FRAME = 320  # pixels of the longer side in which segments are measured
_MEASURED = 100  # segments a photo
_ROUNDS = 6  # cells of one region at most, in a step


@dataclass(frozen=True)
class MaskSettings:
    """A recipe's section [task] for masks.

    Attributes:
        width, fine, prototypes, side: see `DenseNetwork`.
        start: weights of such a network to begin with, a preset's name; "": random ones.
        prompts: cells a photo whose proposals are compared with regions, in a step.
        focal: weight of the focal loss against the dice loss.
        photos: photos to learn from and to measure on.
        views: augmentation of the training photos.
    """

    width: int = 96
    fine: int = 64
    prototypes: int = 48
    side: int = 448
    start: str = ""
    prompts: int = 32
    focal: float = 2.0
    photos: OutlinedPhotos = field(default_factory=OutlinedPhotos)
    views: ViewSettings = field(default_factory=ViewSettings)

    def __post_init__(self) -> None:
        require_sides("side", self.side)


class MaskTask(Task):
    """Learns the neck and the dense head.

    Args:
        settings: the recipe's.
        train: photos to learn from.
        measured: photos to measure on, by what their figures are called.
        trunk: looks at the views of the photos.
        maps: gives the trunk's maps of a photo that is measured.
        batch: photos a batch.
    """

    def __init__(
        self,
        settings: MaskSettings,
        train: Sequence[TruePhoto],
        measured: Mapping[str, Sequence[TruePhoto]],
        trunk: EfficientNetTrunk,
        maps: Callable[[TruePhoto], tuple[Tensor, ...]],
        batch: int,
    ) -> None:
        channels = (FINE_CHANNELS, *CHANNELS[:3])
        self.network: DenseNetwork = DenseNetwork(
            channels, settings.width, settings.fine, settings.prototypes, settings.side
        )
        if settings.start:
            start = load_preset(settings.start).weights["masks"].checked_path()
            self.network.load_state_dict(DenseNetwork.read(start).state_dict())
        self._settings, self._batch = settings, batch
        self._train, self._measured = train, measured
        self._trunk, self._maps = trunk, maps
        self._shapes = [input_size(photo.size) for photo in train]

    def batches(self, epoch_seed: int) -> MaskPhotos:
        """Batches of as many photos as there are, drawn by the sources' weights."""
        settings = self._settings
        order = settings.photos.order(self._train, self._batch, epoch_seed, self._shapes)
        return MaskPhotos(
            self._train,
            order,
            self._shapes,
            self._trunk,
            settings.views,
            epoch_seed,
            frozenset(settings.photos.exhaustive),
        )

    def loss(self, batch: MaskBatch) -> dict[str, Tensor]:
        """Dice and focal of the best hypothesis, and how well the IoU is estimated."""
        proposals = self.network(batch.maps)
        terms = [
            mask_terms(photo, targets, exhaustive, self._settings.prompts)
            for photo, targets, exhaustive in zip(
                proposals, batch.targets, batch.exhaustive, strict=True
            )
        ]
        dice, focal, iou = torch.stack(terms).mean(dim=0)
        total = dice + self._settings.focal * focal + iou
        return {"loss": total, "dice": dice, "focal": focal, "iou": iou}

    def validate(self) -> dict[str, float]:
        """For each group of photos the average recall of the first hundred segments, and their
        recall at IoU 0.5."""
        figures: dict[str, float] = {}
        for name, photos in self._measured.items():
            found = [self._found(photo) for photo in photos]
            at = recall(np.concatenate(found, axis=1), _MEASURED)
            figures |= {f"{name}_ar_100": float(at.mean()), f"{name}_recall_50": float(at[0])}
        return figures

    def _found(self, photo: TruePhoto) -> NDArray[np.int64]:
        (proposals,) = self.network([level[None] for level in self._maps(photo)])
        ratio = FRAME / max(photo.size)
        size = (max(round(photo.size[0] * ratio), 1), max(round(photo.size[1] * ratio), 1))
        segments = chosen_segments([proposals], size, Selection(most=_MEASURED))
        regions = [region.counts for region in regions_of(photo, 0)]
        return found_at(rle.iou(in_photo_frame(segments, photo.size), regions, photo.size))

    def export(self, folder: Path) -> None:
        """`masks.safetensors`."""
        self.network.save(folder / WEIGHTS)


def mask_terms(
    proposals: DenseProposals, targets: Tensor, exhaustive: bool, prompts: int
) -> Tensor:
    """Dice, focal and IoU terms of one photo, 3 float32.

    Cells are drawn inside of regions. Each compares its three hypotheses with the region that it
    was drawn for, and only the best one learns it; the estimated IoU learns how well each fits
    whatever region it fits best.

    Args:
        proposals: proposals for the photo.
        targets: N×H×W at stride 4.
        exhaustive: whether what fits no region is wrong, or merely unknown.
        prompts: cells, at most.
    """
    coarse = functional.avg_pool2d(targets[None], 2)[0]
    regions = len(targets)
    which = torch.randperm(regions, device=targets.device).repeat(
        max(min(prompts // regions, _ROUNDS), 1)
    )
    which = which[:prompts]
    cells = drawn_cells(coarse.flatten(1)[which])
    every = torch.arange(HYPOTHESES, device=cells.device).repeat(len(cells))
    with torch.no_grad():  # which hypothesis is best shows at half the size
        small = proposals.resized((coarse.shape[1], coarse.shape[2]))
        rough = small.masks(cells.repeat_interleave(HYPOTHESES), every)
        fit = overlaps(rough, coarse).view(len(cells), HYPOTHESES, regions)
        rows = torch.arange(len(cells), device=cells.device)
        best = best_hypothesis(fit[rows, :, which])
        reached = fit.amax(dim=2)
        known = torch.ones_like(reached) if exhaustive else (reached > 0.5).float()
        known[rows, best] = 1
    logits = proposals.masks(cells, best)
    columns = proposals.quality.shape[1]
    estimates = proposals.quality[cells // columns, cells % columns].float()
    return torch.stack(
        [
            dice_loss(logits, targets[which]).mean(),
            focal_loss(logits, targets[which]).mean(),
            iou_loss(estimates, reached, known),
        ]
    )


def drawn_cells(cover: Tensor) -> Tensor:
    """N int64: for each row of N×cells one cell of which more than half is covered, by chance in
    proportion to the cover; of a region too thin for that the best covered cell."""
    inside = torch.where(cover > 0.5, cover, 0.0)
    best = functional.one_hot(cover.argmax(dim=1), cover.shape[1]).to(cover.dtype)
    share = torch.where(inside.sum(dim=1, keepdim=True) > 0, inside, best).cumsum(dim=1)
    at = torch.rand(len(cover), 1, device=cover.device) * share[:, -1:]
    return torch.searchsorted(share, at, right=True)[:, 0].clamp(max=cover.shape[1] - 1)


def mask_kind() -> TaskKind:
    """Kind of task `masks`: how a recipe's [task] is read and built."""
    return TaskKind(MaskSettings, _build)


def _build(settings: MaskSettings, context: TaskContext) -> MaskTask:
    trunk = EfficientNetTrunk.shared(side=settings.side)
    store = FeatureStore(context.cache, f"{trunk.fingerprint} pyramid")
    train, measured = settings.photos.read(context.data)
    context.tell(
        f"{len(train)} photos to learn from; measured on "
        + ", ".join(f"{len(photos)} {name}" for name, photos in measured.items())
    )
    seed_everything(context.seed)  # a trunk that was built until now drew, a remembered one not
    return MaskTask(settings, train, measured, trunk, kept_maps(store, trunk), context.batch)
