"""Recall of what is proposed for the phrases of photos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from model.datasets.ground_truth import Region, TruePhoto, regions_of
from model.training.losses.mask_losses import overlaps
from model.training.photo_phrases.phrases import Phrases

FITS = 0.5  # IoU from which a mask is the region's
Proposed = Callable[[TruePhoto, Sequence[str]], Iterable[Tensor]]
"""Function from a photo and P phrases to P tensors N×h×w: mask logits, proposed for each."""
Cover = Callable[[TruePhoto, Sequence[Region]], Tensor]
"""Function from a photo and M regions to M×h×w shares of cells that they cover."""


def phrase_recall(
    photos: Sequence[TruePhoto], phrases: Phrases, proposed: Proposed, cover: Cover
) -> dict[str, float]:
    """Shares of the regions over 0.2 % of the photo that have a mask that fits (IoU ≥ 0.5) among
    those proposed for their phrase: `recall` of phrases that were taught, `recall of unseen` ones.

    Args:
        photos: photos to measure on.
        phrases: says which phrases were taught.
        proposed: makes the masks; as many as may count, none more.
        cover: draws regions on the same cells.
    """
    found: dict[str, list[Tensor]] = {"recall": [], "recall of unseen": []}
    for photo in photos:
        regions = [region for region in regions_of(photo, 0) if region.phrases]
        asked = sorted({phrase for region in regions for phrase in region.phrases})
        for phrase, masks in zip(asked, proposed(photo, asked), strict=True):
            own = cover(photo, [region for region in regions if phrase in region.phrases])
            fits = overlaps(masks, own.to(masks.device)).amax(dim=0) >= FITS
            name = "recall of unseen" if phrases.held(phrase) else "recall"
            found[name].append(fits.cpu())
    return {name: float(torch.cat(fits).float().mean()) for name, fits in found.items() if fits}
