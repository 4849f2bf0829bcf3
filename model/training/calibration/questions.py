"""Words with known answers among proposals: what a calibration is fitted and judged on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from model.datasets.corpus import AnnotatedPhoto, partly_annotated
from model.datasets.imagenet_names import class_names
from model.datasets.pairs import BOX_KIND, PHOTO_KIND, TrainingPair
from model.training.calibration.candidate_masks import CandidateMasks
from model.training.calibration.kinship import Kinship

MATCH = 0.5  # a proposal shows what it overlaps by this IoU …
MOSTLY = 0.5  # … or what it lies in by this share: a wheel shows a car, though not all of it


@dataclass(frozen=True, eq=False)
class Question:
    """A text and the proposals that can be judged against it.

    Attributes:
        text: the words.
        rows: numbers of the proposals that certainly show it or certainly do not.
        shows: bool for each row, whether the segment shows it.
    """

    text: str
    rows: NDArray[np.int64]
    shows: NDArray[np.bool_]

    @property
    def present(self) -> bool:
        """Whether any of the proposals shows it."""
        return bool(self.shows.any())


def word_list(name: str) -> list[str]:
    """The lines of a bundled list: `everyday_words`, `absent_words` or `absent_compounds`."""
    text = files("model.training.calibration").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return text.split("\n")[:-1]


def named_questions(
    photos: Sequence[AnnotatedPhoto], proposals: CandidateMasks, split: str
) -> list[Question]:
    """One question a phrase of the split's regions, over the proposals that can be judged.

    What is not annotated is not absent: a photo counts only when its source would have named the
    phrase. CandidateMasks that overlap it without matching it are left out.
    """
    sources: dict[str, set[str]] = defaultdict(set)
    stuff: set[str] = set()
    for photo in photos:
        for pair in _regions(photo):
            sources[photo.source].update(pair.texts)
            if pair.kind == "stuff":
                stuff.update(pair.texts)
    members = [n for n, photo in enumerate(photos) if photo.split == split]
    named = {n: {t for pair in _regions(photos[n]) for t in pair.texts} for n in members}
    with_stuff = {n for n in members if any(p.kind == "stuff" for p in _regions(photos[n]))}
    links = _links(photos, proposals, set(members))
    of_photo = _rows_by_photo(proposals)
    questions = []
    for text in sorted(set().union(*named.values())):
        judged = [
            n
            for n in members
            if text in named[n]
            or (
                text in sources[photos[n].source]
                and not partly_annotated(photos[n].source)
                and (text not in stuff or n in with_stuff)
            )
        ]
        rows = _joined(of_photo[n] for n in judged if n in of_photo)
        right, touched = links.get(text, (set(), set()))
        shows = np.isin(rows, list(right))
        clear = shows | ~np.isin(rows, list(touched))
        if clear.any():
            questions.append(Question(text, rows[clear], shows[clear]))
    return questions


def without_answers(
    questions: Sequence[Question],
    photos: Sequence[AnnotatedPhoto],
    proposals: CandidateMasks,
    kinship: Kinship,
    fewest: int = 20,
) -> list[Question]:
    """Questions left after every photo that shows the phrase, or a kind of it, was taken away.

    Those over fewer than `fewest` remaining photos are left out.
    """
    of_row = proposals.photo
    called = {n: kinship.names(all_texts(photos[n])) for n in np.unique(of_row).tolist()}
    rest = []
    for question in questions:
        asked = kinship.asked(question.text)
        showing = [
            n for n in np.unique(of_row[question.rows]).tolist() if not called[n].isdisjoint(asked)
        ]
        kept = question.rows[~np.isin(of_row[question.rows], showing)]
        if len(np.unique(of_row[kept])) >= fewest:
            rest.append(Question(question.text, kept, np.zeros(len(kept), np.bool_)))
    return rest


def unborne_names(
    photos: Sequence[AnnotatedPhoto], proposals: CandidateMasks, kinship: Kinship, split: str
) -> list[str]:
    """Names of ImageNet's classes, the first of each, that no photo of the split is called by, nor
    by a kind of one or by what one is a kind of: a cat may be a Persian one."""
    members = [n for n in np.unique(proposals.photo).tolist() if photos[n].split == split]
    texts = {text for n in members for text in all_texts(photos[n])}
    called = kinship.names(texts)
    asked = frozenset().union(*map(kinship.asked, texts))
    unborne = [
        names[0].lower()
        for names in class_names()
        if called.isdisjoint(frozenset().union(*map(kinship.asked, names)))
        and kinship.names(names).isdisjoint(asked)
    ]
    return sorted(set(unborne))


def all_texts(photo: AnnotatedPhoto) -> set[str]:
    """All texts of a photo's pairs, in lower case."""
    return {text.lower() for pair in photo.pairs for text in pair.texts}


def absent_questions(
    words: Sequence[str],
    photos: Sequence[AnnotatedPhoto],
    proposals: CandidateMasks,
    split: str,
    *,
    annotated: bool = True,
) -> list[Question]:
    """Words for things that none of the split's photos shows, over all their segments.

    Args:
        words: the words.
        photos, proposals, split: photos of the corpus, their segments, and those that are asked.
        annotated: whether only photos with named regions are asked: of the others too little is
            told to know.
    """
    members = [
        n
        for n, photo in enumerate(photos)
        if photo.split == split and (_regions(photo) or not annotated)
    ]
    rows = np.flatnonzero(np.isin(proposals.photo, members))
    return [Question(word, rows, np.zeros(len(rows), np.bool_)) for word in words]


def _regions(photo: AnnotatedPhoto) -> list[TrainingPair]:
    return [pair for pair in photo.pairs if pair.kind not in (PHOTO_KIND, BOX_KIND)]


def _links(
    photos: Sequence[AnnotatedPhoto], proposals: CandidateMasks, members: set[int]
) -> dict[str, tuple[set[int], set[int]]]:
    """Proposals that show each text, and those that overlap it noticeably."""
    found: dict[str, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for row, number, iou, inside in zip(
        proposals.link_row.tolist(),
        proposals.link_pair.tolist(),
        proposals.link_iou.tolist(),
        proposals.link_inside.tolist(),
        strict=True,
    ):
        photo = int(proposals.photo[row])
        if photo not in members:
            continue
        pair = photos[photo].pairs[number]
        right = iou >= MATCH or inside >= MOSTLY
        for text in pair.texts:
            found[text][1].add(row)
            if right:
                found[text][0].add(row)
    return found


def _rows_by_photo(proposals: CandidateMasks) -> dict[int, NDArray[np.int64]]:
    order = np.argsort(proposals.photo, kind="stable")
    numbers, first = np.unique(proposals.photo[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(order, first[1:]), strict=True))


def _joined(parts: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    listed = list(parts)
    return np.concatenate(listed) if listed else np.zeros(0, np.int64)
