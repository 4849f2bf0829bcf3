from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from model.datasets.ground_truth import Region, TruePhoto
from model.encoders.sentence import SentenceEncoder
from model.masks import rle
from model.training.photo_phrases.phrases import Phrases
from model.training.photo_phrases.recall import phrase_recall

SIDE = 20


def square(top: int, left: int, side: int = 6) -> np.ndarray:
    drawn = np.zeros((SIDE, SIDE), np.bool_)
    drawn[top : top + side, left : left + side] = True
    return drawn


def region(drawn: np.ndarray, *phrases: str) -> Region:
    return Region(rle.encode(drawn[None])[0], phrases, "object", None)


def cover(photo: TruePhoto, regions: Sequence[Region]) -> Tensor:
    return torch.from_numpy(rle.decode([each.counts for each in regions], photo.size)).float()


def photo(*regions: Region) -> TruePhoto:
    return TruePhoto("some", Path("a.png"), (SIDE, SIDE), regions, ())


def logits(*drawn: np.ndarray) -> Tensor:
    return torch.from_numpy(np.stack(drawn)).float() * 2 - 1


@pytest.fixture(scope="module")
def sentences() -> SentenceEncoder:
    return SentenceEncoder()


def test_every_region_of_a_phrase_counts_that_one_of_its_own_masks_fits(
    sentences: SentenceEncoder,
) -> None:
    shown = photo(
        region(square(0, 0), "dog"),
        region(square(0, 10), "dog", "puppy"),
        region(square(10, 10), "cat"),
        region(square(10, 0), "tiger"),
        region(np.zeros((SIDE, SIDE), np.bool_), "speck"),  # too small to be asked for
    )
    masks = {
        "cat": logits(square(0, 0)),  # a dog's
        "dog": logits(square(7, 7), square(0, 0), square(1, 11, 5)),  # IoU 0, 1, 25/36
        "puppy": logits(square(2, 12)),  # IoU 16/56
        "tiger": logits(square(10, 0)),
    }
    asked: list[str] = []

    def proposed(_: TruePhoto, phrases: Sequence[str]) -> Iterator[Tensor]:
        for phrase in phrases:
            asked.append(phrase)
            yield masks[phrase]

    phrases = Phrases([shown], sentences, unseen=["tiger"])
    found = phrase_recall([shown], phrases, proposed, cover)
    assert asked == ["cat", "dog", "puppy", "tiger"]
    assert found == {"recall": pytest.approx(2 / 4), "recall of unseen": 1.0}


def test_what_no_photo_is_asked_for_has_no_figure(sentences: SentenceEncoder) -> None:
    shown = photo(region(square(0, 0), "dog"))
    found = phrase_recall(
        [shown], Phrases([shown], sentences, []), lambda *_: [logits(square(0, 0))], cover
    )
    assert found == {"recall": 1.0}
