import numpy as np
import pytest

from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import Models, load_preset
from model.proposals.candidates import PHOTOS, CandidateProposer, in_frame
from model.segmenter import Segmenter


@pytest.fixture(scope="module")
def models() -> Models:
    return load_preset("colours").build()


def painted() -> Image:
    pixels = np.full((60, 80, 3), 255, np.uint8)
    pixels[5:25, 5:35] = (200, 20, 20)
    pixels[30:50, 40:70] = (20, 20, 200)
    return Image(pixels, (60, 80))


def test_masks_that_suit_the_words_come_first(models: Models) -> None:
    image = painted()
    frame = models.segmenter.segment(image).size
    proposer = CandidateProposer(models.segmenter, models.embedder)
    for words, left in (("red", 5), ("blue", 40)):
        found = proposer.propose(image, words, Segments.empty(frame), most=1)
        assert found.boxes[0, 0] * 80 / frame[1] == pytest.approx(left, abs=2)
        assert found.size == frame


def test_what_is_known_is_not_proposed_again(models: Models) -> None:
    image = painted()
    known = models.segmenter.segment(image)
    proposer = CandidateProposer(models.segmenter, models.embedder)
    assert len(proposer.propose(image, "red", known)) == 0
    assert len(proposer.propose(image, "red", known[:0])) == len(known)


def test_what_is_unlike_all_that_is_known_comes_first() -> None:
    class Pair(Segmenter):
        def segment(self, image: Image) -> Segments:
            return self.candidates(image, 2)

        def candidates(self, image: Image, most: int) -> Segments:
            masks = np.zeros((2, 60, 80), np.bool_)
            masks[0, 5:25, 5:35] = masks[1, 5:25, 45:75] = True
            return Segments.from_masks(masks, [0.6, 0.5])

    known = np.zeros((1, 60, 80), np.bool_)
    known[0, 5:25, 5:25] = True  # two thirds of the first
    pair, embedder = Pair(), load_preset("colours").build_embedder()
    for some, first in ((Segments.from_masks(known), 45), (Segments.empty((60, 80)), 5)):
        found = CandidateProposer(pair, embedder).propose(painted(), "", some)
        assert found.boxes[:, 0].tolist()[0] == first


def test_masks_are_proposed_without_their_specks() -> None:
    class Specked(Segmenter):
        def segment(self, image: Image) -> Segments:
            masks = np.zeros((1, 60, 80), np.bool_)
            masks[0, 10:40, 10:40] = masks[0, 0, 0] = True
            masks[0, 20, 20] = False
            return Segments.from_masks(masks)

    embedder = load_preset("colours").build_embedder()
    found = CandidateProposer(Specked(), embedder).propose(
        painted(), "red", Segments.empty((60, 80))
    )
    assert found.areas.tolist() == [900]


def test_without_words_the_best_masks_are_proposed(models: Models) -> None:
    image = painted()
    known = models.segmenter.segment(image)
    found = CandidateProposer(models.segmenter, models.embedder).propose(image, " ", known[:0])
    assert len(found) == len(known)


def test_a_photo_in_which_nothing_is_drawn_has_no_proposals(models: Models) -> None:
    class Blind(Segmenter):
        def segment(self, image: Image) -> Segments:
            return Segments.empty(image.size)

    proposer = CandidateProposer(Blind(), models.embedder)
    assert len(proposer.propose(painted(), "red", Segments.empty((30, 40)))) == 0


def test_masks_come_in_the_frame_of_what_is_known() -> None:
    masks = np.zeros((2, 40, 80), np.bool_)
    masks[0, 10:30, 20:60] = True
    masks[1, 0, 0] = True
    moved = in_frame(Segments.from_masks(masks), (20, 40))
    assert moved.size == (20, 40)
    assert moved.boxes[0].tolist() == [10, 5, 30, 15]
    same = Segments.from_masks(masks)
    assert in_frame(same, (40, 80)) is same


def test_photos_are_drawn_once_for_many_words(models: Models) -> None:
    class Counting(Segmenter):
        drawn = 0

        def segment(self, image: Image) -> Segments:
            return models.segmenter.segment(image)

        def candidates(self, image: Image, most: int) -> Segments:
            self.drawn += 1
            return models.segmenter.candidates(image, most)

    segmenter = Counting()
    proposer = CandidateProposer(segmenter, models.embedder)
    photos = [painted() for _ in range(PHOTOS)]
    known = models.segmenter.segment(photos[0])
    for some in (known[:0], known[:1], known[:0]):
        for words in ("red", "blue"):
            for photo in photos:
                found = proposer.propose(photo, words, some)
                fresh = CandidateProposer(models.segmenter, models.embedder)
                assert found.counts == fresh.propose(photo, words, some).counts
    assert segmenter.drawn == PHOTOS
    proposer.propose(painted(), "red", known)  # one too many: the oldest is forgotten
    proposer.propose(photos[0], "red", known)
    assert segmenter.drawn == PHOTOS + 2


def test_the_fingerprint_tells_depths_apart(models: Models) -> None:
    one, other = (
        CandidateProposer(models.segmenter, models.embedder, depth).fingerprint
        for depth in (100, 200)
    )
    assert one != other
