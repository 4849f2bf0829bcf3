"""TextRegion: segment embeddings from CLIP's last values, without training (papers.md §E, R1)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from model.encoders.clip_vision import ClipVision

LEAST_BELONGING = 0.07


def text_region(
    vision: ClipVision,
    values: Tensor,
    cover: Tensor,
    threshold: float = LEAST_BELONGING,
    among: Tensor | None = None,
    *,
    normalise: bool = False,
    mlp: bool = True,
) -> Tensor:
    """N×D: one embedding a mask in CLIP's own space, not of length 1.

    u_s = W_o(Σ_p m_sp V_p) + b_o, z_s = u_s + MLP(ln2(u_s)), e_s = P ln_post(z_s): no residual
    stream, and a sum. With an attention pool: its head over an even attention to the mask.

    Args:
        vision: CLIP's image side that made the values.
        values: P×C.
        cover: N×P in [0, 1], the masks m.
        threshold: patches that belong to their masks by less are dropped.
        among: M×P, the masks that patches belong to or not; by default those that are embedded.
            Patches in none of them are kept.
        normalise: whether each V_p is brought to length 1 before they are summed.
        mlp: whether the term MLP(ln2(u_s)) takes part.
    """
    kept = cover * belong(values, cover if among is None else among, threshold)
    # a mask of nothing but such patches keeps them all: it must have some embedding
    lost = kept.sum(dim=1, keepdim=True) == 0
    kept = cover.where(lost, kept)
    summed = functional.normalize(values, dim=1) if normalise else values
    return vision.regions(kept @ summed, kept.sum(dim=1, keepdim=True), mlp)


def belong(values: Tensor, cover: Tensor, threshold: float = LEAST_BELONGING) -> Tensor:
    """P bool: the filter of patches, of which masks it was made; a patch in no mask passes."""
    return (belonging(values, cover) >= threshold) | (cover == 0).all(dim=0)


def belonging(values: Tensor, cover: Tensor) -> Tensor:
    """P: how much more a patch is like the masks it lies in than like the others.

    The likeness of a patch and a mask is the mean cosine, in V, of the patch and the mask's
    patches; it is averaged over the masks that contain the patch, less over those that do not
    (0 where there are none). Patches that store what the whole photo shows, as CLIP's do, are
    like all masks.
    """
    inside = (cover > 0).to(values.dtype)
    directions = functional.normalize(values, dim=1)
    centres = inside @ directions / inside.sum(dim=1, keepdim=True)
    likeness = centres @ directions.T
    outside = 1 - inside
    own = (likeness * inside).sum(dim=0) / inside.sum(dim=0).clamp(min=1)
    others = (likeness * outside).sum(dim=0) / outside.sum(dim=0).clamp(min=1)
    return own - others
