"""The segmenter of the dense head: a photo seen at a few scales, many proposals, the best ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from model.devices import convolution_dtype
from model.encoders.efficientnet import EfficientNetTrunk, require_sides
from model.masks.segments import Segments
from model.masks.windows import lengths, window_in
from model.photos.images import Image
from model.photos.pieces import Nearer, Piece
from model.segmenter import Segmenter
from model.segmenters.dense.fused_network import FusedDense
from model.segmenters.dense.head import DenseProposals
from model.segmenters.dense.nearer import ADDED, near_selection
from model.segmenters.dense.network import DenseNetwork
from model.segmenters.dense.selection import (
    Selection,
    chosen_segments,
    rough_segments,
    single_segments,
)
from model.segmenters.panorama import segmented
from model.segmenters.pieces import joined

if TYPE_CHECKING:
    from model.segmenters.promptable.segmenter import PromptableSegmenter

Choose = Callable[[Sequence[DenseProposals], tuple[int, int], Selection], Segments]
_NEARLY_EQUAL = 0.85  # IoU above which the better of two candidates is kept


class DenseSegmenter(Segmenter):
    """Masks from the frozen trunk's features, without prompts.

    Args:
        weights: the trained neck and head, safetensors.
        trunk: weights of the image trunk; by default the installed package's.
        side: the working frame's longer side, pixels.
        views: the longer sides at which the photo is looked at, multiples of 32, pixels; by default
            the one that the weights were made for. Large things are seen best from afar.
        selection: settings of the choice among proposals.
        pieces: pieces of a large photo that are looked at by themselves, at most.
        piece_side: sides of a piece, pixels; a multiple of 32.
        prompts: weights of nano's promptable network, for `prompted`; without them there is none.
        precision: number format of the arithmetic, one of
            `model.devices.CONVOLUTION_PRECISIONS`.
    """

    def __init__(
        self,
        weights: Path,
        trunk: Path | None = None,
        side: int = 320,
        views: Sequence[int] = (),
        selection: Selection | None = None,
        pieces: int = 0,
        piece_side: int = 448,
        prompts: Path | None = None,
        precision: str = "float32",
    ) -> None:
        self._dtype = convolution_dtype(precision)
        network = DenseNetwork.load(weights)
        self._network = FusedDense(network, self._dtype)
        self._trunk_weights = trunk
        self._prompts = prompts
        self._side = side
        self._views = sorted(views or (network.side,), reverse=True)
        self._selection = selection or Selection()
        require_sides("piece_side", piece_side)
        self._nearer = Nearer(pieces, piece_side)

    @torch.inference_mode()
    def segment(self, image: Image) -> Segments:
        """Segments in a frame whose longer side is `side`, best first; of a panorama in a longer
        one, of which the side is that of a piece."""
        pieces = self._nearer.looks(image, self._views[0])
        if pieces:
            whole = self._segment(image, self._selection, single_segments)
            return self._from_near(image, whole, pieces)
        return segmented(
            image, partial(self._segment, selection=self._selection, choose=chosen_segments)
        )

    @torch.inference_mode()
    def candidates(self, image: Image, most: int) -> Segments:
        """Masks that `segment` chooses from, near-duplicates left out, in its frame, best first; as
        they are drawn, specks and all."""
        wide = replace(
            self._selection, most=most, added=0, overlap=_NEARLY_EQUAL, variety=0, pool=1
        )
        return segmented(image, partial(self._segment, selection=wide, choose=rough_segments))

    def _segment(self, image: Image, selection: Selection, choose: Choose) -> Segments:
        views = [self._proposals(image, side) for side in self._views]
        ratio = self._side / max(image.size)
        height, width = (max(round(length * ratio), 1) for length in image.size)
        return choose(views, (height, width), selection)

    def _proposals(self, image: Image, side: int) -> DenseProposals:
        trunk = EfficientNetTrunk.shared(self._trunk_weights, side, self._dtype)
        return self._network([one[None] for one in trunk.features(image).pyramid])[0]

    def _from_near(self, image: Image, whole: Segments, pieces: Sequence[Piece]) -> Segments:
        """The segments, and what is small in pieces of a large photo.

        Args:
            image: the photo.
            whole: segments of all of it; their parents are not used.
            pieces: pieces that are looked at.
        """
        size, near = image.size, []
        windows = [piece.window for piece in pieces]
        for piece in pieces:
            proposals = self._proposals(piece.image, self._nearer.side)
            frame = lengths(window_in(piece.window, size, whole.size))
            selection = near_selection(self._selection, piece.window, size, len(self._views))
            near.append(single_segments([proposals], frame, selection))
        most = self._selection.most + self._selection.added + ADDED * len(pieces)
        return joined(whole, near, windows, size, most)

    def prompted(
        self,
        image: Image,
        *,
        at: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> Segments:
        """The best mask that the promptable network draws at the point or in the box."""
        if self._prompts is None:
            return super().prompted(image, at=at, box=box)
        return self._promptable.segment(image, at=at, box=box)

    def prompted_boxes(
        self, image: Image, boxes: Sequence[tuple[float, float, float, float]]
    ) -> list[Segments]:
        """The masks that the promptable network draws in the boxes, in the frame of the image."""
        if self._prompts is None or not boxes:
            return super().prompted_boxes(image, boxes)
        corners = [(x, y, x + width, y + height) for x, y, width, height in boxes]
        return self._promptable.look(image).boxed(np.array(corners))

    @cached_property
    def _promptable(self) -> PromptableSegmenter:
        from model.segmenters.promptable.segmenter import PromptableSegmenter

        assert self._prompts is not None
        return PromptableSegmenter.load(self._prompts, self._trunk_weights)
