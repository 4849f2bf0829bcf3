"""One photo, seen once by a promptable model, and asked for things in it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from model.masks.segments import Segments
from model.segmenters.sam.generation.upsampling import Thresholds, cut_out, enlarged
from model.segmenters.sam.promptable import Prompts, View

Size = tuple[int, int]


class PromptedPhoto:
    """A photo as a promptable model sees it.

    All places are x, y in pixels of the upright photo at full size.

    Args:
        view: view of the photo in the working frame.
        size: (height, width) of the upright photo at full size.
        threshold: logit above which a pixel is the mask's.
    """

    def __init__(self, view: View, size: Size, threshold: float) -> None:
        self._view, self._threshold = view, threshold
        height, width = view.frame.size
        self._scale = np.array([width / size[1], height / size[0]])

    def segments(
        self,
        points: NDArray[np.floating] | None = None,
        inside: NDArray[np.bool_] | None = None,
        box: NDArray[np.floating] | None = None,
        several: bool | None = None,
    ) -> Segments:
        """Masks of one thing in the working frame, the surest first; empty ones are left out.

        Args:
            points: K×2, in the thing or beside it.
            inside: K, which of them are in it; all by default.
            box: x0, y0, x1, y1 around it.
            several: three masks (part, thing, whole), or the single one; by default three for a
                single point, which may mean any of them.

        Raises:
            ValueError: nothing is asked.
        """
        places = np.zeros((0, 2)) if points is None else np.asarray(points, np.float64)
        if not len(places) and box is None:
            raise ValueError("no point and no box is given")
        if inside is None:
            inside = np.ones(len(places), np.bool_)
        boxes = None if box is None else np.asarray(box, np.float64)[None]
        if several is None:
            several = len(places) == 1 and box is None
        prompts = Prompts(places[None], inside[None], boxes).scaled(self._scale)
        answers = self._view.ask(prompts, several)
        logits = answers.masks(torch.arange(1, device=answers.quality.device))[0]
        return self._enlarged(logits.float().cpu().numpy(), answers.quality[0].cpu().numpy())

    def boxed(self, boxes: NDArray[np.floating], batch: int) -> list[Segments]:
        """Thing in each of N boxes: of all masks that are drawn for it, the single one and the
        three, the surest that is not empty; as one segment or none in the working frame.

        Args:
            boxes: N×4, x0, y0, x1, y1.
            batch: boxes that are asked at a time.
        """
        found = []
        for start in range(0, len(boxes), batch):
            corners = np.asarray(boxes[start : start + batch], np.float64)
            nothing = np.zeros((len(corners), 0, 2))
            prompts = Prompts(nothing, nothing[..., 0] > 0, corners).scaled(self._scale)
            answers = self._view.ask(prompts, several=None)
            rows = torch.arange(len(corners), device=answers.quality.device)
            logits = answers.masks(rows).float().cpu().numpy()
            quality = answers.quality.cpu().numpy()
            found += [self._enlarged(*each)[:1] for each in zip(logits, quality, strict=True)]
        return found

    def _enlarged(self, logits: NDArray[np.float32], quality: NDArray[np.float32]) -> Segments:
        """Segments of M×h×w logits of the cells that the frame reads."""
        frame, thresholds = self._view.frame, Thresholds(self._threshold)
        extent = slice(0, logits.shape[1]), slice(0, logits.shape[2])
        drawn = [enlarged(cut_out(mask, extent, frame), frame, thresholds) for mask in logits]
        surest = np.argsort(-quality, kind="stable")
        order = [number for number in surest.tolist() if drawn[number].area]
        counts = [drawn[number].runs for number in order]
        return Segments.from_counts(frame.size, counts, np.clip(quality[order], 0, 1))
