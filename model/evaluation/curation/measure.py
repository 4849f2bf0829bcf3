"""Measure of curation: masks of phrases and of true boxes, beside what people outlined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.curation.box_cleaning import BoxCleaning
from model.curation.grounder import Grounder
from model.curation.mask_maker import MaskMaker
from model.curation.phrases import Phraser
from model.curation.records import Box, Caption, Phrase
from model.datasets.ground_truth import TruePhoto, Truth, regions_of
from model.embedder import Embedder
from model.evaluation.curation.curation_tables import (
    DrawnRegions,
    JudgedPhrases,
    phrase_table,
    region_table,
)
from model.evaluation.curation.judging import RegionNames, shipped_synonyms
from model.evaluation.looking import Looking
from model.evaluation.masks.mask_recall import in_photo_frame
from model.evaluation.tables import Table
from model.language.question import understand
from model.masks import rle
from model.masks.resizing import resize_mask
from model.masks.segments import Segments
from model.photos.images import Image
from model.segmenter import Segmenter

FITS = 0.5  # IoU


@dataclass(frozen=True)
class JudgedPhoto:
    """A photo whose captions name some of its regions.

    Attributes:
        split: name of its split.
        truth: the photo.
        phrases: all phrases of its captions.
        meant: numbers of the named regions that each phrase may mean; none: it is not judged.
    """

    split: str
    truth: TruePhoto
    phrases: tuple[Phrase, ...]
    meant: tuple[tuple[int, ...], ...]

    @property
    def path(self) -> Path:
        """The image file."""
        return self.truth.path


@dataclass(frozen=True)
class Placing:
    """Stages from phrases to masks, as a curation has them, and models of the plain try.

    Attributes:
        grounder: finds boxes.
        cleaning: rules for boxes.
        maker: draws what is in a box.
        segmenter, embedder: models of the plain try.
    """

    grounder: Grounder
    cleaning: BoxCleaning
    maker: MaskMaker
    segmenter: Segmenter
    embedder: Embedder

    def masks(
        self, image: Image, phrases: Sequence[Phrase], size: tuple[int, int]
    ) -> dict[Phrase, tuple[bytes, float]]:
        """The best mask of each phrase that has one, and its box' score.

        The best is that of the first box with a mask: grounders give the surest box first.

        Args:
            image: the photo.
            phrases: all phrases of its captions.
            size: (height, width) of the frame of the run lengths, pixels.
        """
        boxes, _ = self.cleaning.cleaned(self.grounder.boxes(image, phrases))
        drawn = self.maker.masks(image, boxes)
        best: dict[Phrase, tuple[bytes, float]] = {}
        for box, counts in zip(boxes, drawn.counts, strict=True):
            if counts is not None and box.phrase not in best:
                best[box.phrase] = (resize_mask(counts, drawn.size, size), box.score)
        return best


def judged_photos(truths: Mapping[str, Truth], phraser: Phraser) -> tuple[JudgedPhoto, ...]:
    """Photos of which at least one phrase can be judged.

    Args:
        truths: the photos of each split, by its name.
        phraser: finds phrases in captions.
    """
    asked: list[JudgedPhoto] = []
    for split, truth in truths.items():
        names = {
            source: RegionNames(vocabulary, shipped_synonyms())
            for source, vocabulary in truth.vocabulary.items()
        }
        for photo in truth.photos:
            if not photo.named:
                continue
            captions = [Caption(text, "scene", "people") for text in photo.captions]
            phrases, _ = phraser.phrases(captions)
            means = [names[photo.source].regions(each.head, photo.named) for each in phrases]
            if any(means):
                asked.append(JudgedPhoto(split, photo, phrases, tuple(means)))
    return tuple(asked)


def measure_curation(
    asked: Sequence[JudgedPhoto], placing: Callable[[], Placing], looking: Looking
) -> tuple[Table, ...]:
    """Tables of each split, and of all together where there are several.

    A judged phrase is right if its best mask overlaps one of the regions that it may mean by
    IoU ≥ 0.5, at the photo's size. Beside the stages stand the plain try, the one of the photo's
    own segments whose vector is nearest to the head's, and whether any of them would be right.

    Args:
        asked: the photos, at least one.
        placing: maker of the stages that are measured.
        looking: way in which the photos are looked at.
    """
    seen = looking.at(partial(_look, placing), asked)
    asked, column = [photo for photo, _ in seen], seen[0][1][0]
    splits = list(dict.fromkeys(photo.split for photo in asked))
    groups = {split: {split} for split in splits}
    if len(splits) > 1:
        groups[" and ".join(splits)] = set(splits)
    tables: list[Table] = []
    for name, members in groups.items():
        inside = [number for number, photo in enumerate(asked) if photo.split in members]
        judged, drawn = zip(*(seen[number][1][1:] for number in inside), strict=True)
        tables += [phrase_table(name, column, judged), region_table(name, column, drawn)]
    return tuple(tables)


def _look(
    make: Callable[[], Placing],
) -> Callable[[JudgedPhoto], tuple[str, JudgedPhrases, DrawnRegions]]:
    placing = make()

    def look(photo: JudgedPhoto) -> tuple[str, JudgedPhrases, DrawnRegions]:
        image = photo.truth.read()
        own = placing.segmenter.segment(image)
        counts = [region.counts for region in photo.truth.named]
        iou = rle.iou(in_photo_frame(own, photo.truth.size), counts, photo.truth.size)
        phrases = _phrases(photo, image, own, iou, placing)
        return placing.grounder.name, phrases, _regions(photo, image, iou, placing.maker)

    return look


def _phrases(
    photo: JudgedPhoto,
    image: Image,
    own: Segments,
    iou: NDArray[np.float64],
    placing: Placing,
) -> JudgedPhrases:
    """Judged phrases of a photo; `iou` is of its own segments with its named regions."""
    truth = photo.truth
    judged = [number for number, meant in enumerate(photo.meant) if meant]
    masks = placing.masks(image, photo.phrases, truth.size)
    words = [understand(photo.phrases[number].head).words for number in judged]
    vectors = placing.embedder.embed_segments(image, own).vectors
    cosines = placing.embedder.embed_texts(words).vectors @ vectors.T
    right = np.zeros((len(judged), 3), np.bool_)
    score = np.full((len(judged), 2), np.nan)
    for row, number in enumerate(judged):
        meant = list(photo.meant[number])
        if photo.phrases[number] in masks:
            counts, score[row, 0] = masks[photo.phrases[number]]
            regions = [truth.named[at].counts for at in meant]
            right[row, 0] = (rle.iou([counts], regions, truth.size) >= FITS).any()
        if len(own):
            nearest = int(cosines[row].argmax())
            score[row, 1] = cosines[row, nearest]
            right[row, 1] = (iou[nearest, meant] >= FITS).any()
            right[row, 2] = (iou[:, meant] >= FITS).any()
    return JudgedPhrases(right, score)


def _regions(
    photo: JudgedPhoto, image: Image, iou: NDArray[np.float64], maker: MaskMaker
) -> DrawnRegions:
    """Masks from the true boxes of a photo's named regions that are large enough."""
    truth = photo.truth
    large = set(regions_of(truth, 0))
    numbers = [number for number, region in enumerate(truth.named) if region in large]
    counts = [truth.named[number].counts for number in numbers]
    height, width = truth.size
    corners = rle.boxes(counts, truth.size).astype(np.float64).reshape(-1, 4)
    drawn = maker.masks(
        image, [_true_box(xyxy) for xyxy in corners / [width, height, width, height]]
    )
    found = np.zeros((len(numbers), 3))
    has = np.array([each is not None for each in drawn.counts], np.bool_)
    for row, made in enumerate(drawn.counts):
        if made is not None:
            mask = resize_mask(made, drawn.size, truth.size)
            found[row, 0] = rle.iou([mask], [counts[row]], truth.size)[0, 0]
    sides = corners[:, 2:] - corners[:, :2]
    found[:, 1] = rle.areas(counts, truth.size) / sides.prod(axis=1)
    found[:, 2] = iou[:, numbers].max(axis=0, initial=0)
    kinds = tuple(truth.named[number].kind for number in numbers)
    return DrawnRegions(found, has, kinds)


def _true_box(xyxy: NDArray[np.float64]) -> Box:
    name = "true box"
    phrase = Phrase(name, name, (0, len(name)), "", Caption(name, "object", name))
    x0, y0, x1, y1 = (float(share) for share in xyxy)
    return Box((x0, y0, x1, y1), phrase, 1.0, name, (name,))
