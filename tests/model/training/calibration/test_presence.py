import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.calibration import Calibration
from model.datasets.corpus import AnnotatedPhoto
from model.datasets.pairs import TrainingPair
from model.training.calibration.candidate_masks import CandidateMasks
from model.training.calibration.fitting import ModelView
from model.training.calibration.kinship import Kinship
from model.training.calibration.presence import name_figures, named_photos, rank_share
from model.training.calibration.questions import unborne_names

SIZE = 24
SHOWN = ["tench", "anvil of iron", "goldfish", "banana", "lemon"]


def encode(texts: Sequence[str]) -> np.ndarray:
    rows = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=SIZE) for text in texts]
    found = np.array(rows, np.float32).reshape(-1, SIZE)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def photo(caption: str, split: str) -> AnnotatedPhoto:
    pair = TrainingPair(Path("x.jpg"), (4, 4), b"", (caption,), "photo")
    return AnnotatedPhoto("imagenet_compatible", Path("x.jpg"), (4, 4), split, (pair,))


PHOTOS = [*(photo(text, "val") for text in SHOWN), photo("Goldfish", "train")]


def view(seen: Sequence[str]) -> ModelView:
    """Two segments of each photo: what it shows, and something else."""
    none = np.zeros(0, np.int64)
    rows = np.concatenate([encode(seen), encode([f"{text} aside" for text in seen])])
    of_photo = np.tile(np.arange(len(seen)), 2)
    shares = np.zeros(0, np.float32)
    return ModelView(CandidateMasks(rows, of_photo, none, none, shares, shares), encode)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    background = encode([f"background {number}" for number in range(300)])
    return Calibration.from_background(background, ["stone"], encode(["stone"]))


def test_names_are_asked_of_the_photos_that_were_seen(calibration: Calibration) -> None:
    named = named_photos(PHOTOS, Kinship([]), view(SHOWN), "val")
    assert len(named.rows) == len(SHOWN)
    banana = named.names.index("banana")
    assert named.bears[banana].tolist() == [text == "banana" for text in SHOWN]
    assert named.taught.sum() == 1  # the goldfish, called otherwise in capitals
    unborne = unborne_names(PHOTOS, view(SHOWN).proposals, Kinship([]), "val")
    assert not {"banana", "tench"} & set(unborne)
    assert len(unborne) > 900


def test_who_sees_right_tells_names_from_look_alikes(calibration: Calibration) -> None:
    right = name_figures(PHOTOS, Kinship([]), view(SHOWN), calibration)
    wrong = name_figures(PHOTOS, Kinship([]), view([*SHOWN[1:], SHOWN[0]]), calibration)
    area = "area: names never taught, look-alikes, by photo"
    assert right[area] == 1
    assert wrong[area] < 0.9  # of five photos, by chance
    assert right["first: class names with a photo"] == 1
    assert wrong["first: class names with a photo"] == 0
    there, absent = "class names with a photo", "class names no photo bears"
    assert right[f"confident: {there}"] == 1
    assert right[f"confident: {absent}"] < 0.7  # nobody fitted this calibration
    error = "expected error: names never taught and look-alikes, by photo"
    assert 0 <= right[error] <= 1


@given(st.lists(st.integers(0, 5), min_size=1), st.lists(st.integers(0, 5), min_size=1))
def test_the_area_is_the_share_of_pairs(higher: list[int], lower: list[int]) -> None:
    pairs = [(a > b) + 0.5 * (a == b) for a in higher for b in lower]
    found = rank_share(np.array(higher, np.float64), np.array(lower, np.float64))
    assert found == pytest.approx(np.mean(pairs))
