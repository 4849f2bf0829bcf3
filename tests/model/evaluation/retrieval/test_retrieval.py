"""Figures of hand-made observations, computed by hand; the fake preset on a miniature corpus."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.datasets.ground_truth import Region, TruePhoto, Truth, read_truth
from model.errors import DataError
from model.evaluation.looking import Looking
from model.evaluation.retrieval.observations import Observations, Proposals, observe
from model.evaluation.retrieval.photo_tables import NAMED, phrase_to_photo, text_to_photo
from model.evaluation.retrieval.segment_tables import own_masks, true_masks
from model.evaluation.run import evaluate_retrieval, read_phrases
from model.evaluation.tables import Table
from model.language.sentence import PHRASES, phrases_of
from model.presets.preset import load_preset

WORDS = {"dog": 0, "cat": 1, "a dog": 0, "a cat": 1}


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.eye(2, dtype=np.float32)[[WORDS[text] for text in texts]].reshape(-1, 2)


def vectors(*dogs: float) -> NDArray[np.float32]:
    """Vectors whose score for "dog" is given; that for "cat" is one less it."""
    return np.array([(dog, 1 - dog) for dog in dogs], np.float32)


def region(text: str, kind: str = "object") -> Region:
    return Region(b"", (text,), kind, None)


def photo(source: str, *regions: Region, captions: tuple[str, ...] = ()) -> TruePhoto:
    return TruePhoto(source, Path("x.jpg"), (4, 4), regions, captions)


TRUTH = Truth(
    (
        photo("one", region("dog"), region("cat")),
        photo("one", region("dog", "part")),
        photo("two", region("cat")),
        photo("texts", captions=("a dog",)),
        photo("texts", captions=("a dog",)),
        photo("texts", captions=("a cat",)),
    ),
    {"one": frozenset({"dog", "cat"}), "two": frozenset({"cat"})},
    frozenset(),
)
OBSERVATIONS = Observations(
    (("dog",), ("cat",), ("dog",), ("cat",)),
    np.array(["object", "object", "part", "object"]),
    np.array([0, 0, 1, 2]),
    np.array([0.005, 0.05, 0.5, 0.05]),
    np.zeros((4, 11), np.float32),
    np.zeros((4, 11), np.float32),
    vectors(0.9, 0.8, 0.7, 0.1),  # dog: right, wrong, right, wrong
    None,
    vectors(0.5, 0.4, 0.6, 0.9, 0.3, 0.2),
    None,
    {
        "own": Proposals(
            vectors(0.9, 0.85, 0.8, 0.6, 0.3, 0.2, 0.95),
            np.array([0, 0, 0, 1, 2, 2, 3]),
            # two show the first dog, one the cat of the last photo
            np.array([0, 1, 4]), np.array([0, 0, 3]),
            np.array([0.9, 0.6, 0.5]), np.array([1.0, 1.0, 1.0]),
        )
    },
)  # fmt: skip


def figures(table: Table, column: str = "own") -> dict[str, float | None]:
    return {row.what: row.figures[table.columns.index(column)] for row in table.rows}


def test_phrases_find_true_masks() -> None:
    table = true_masks(TRUTH, OBSERVATIONS, "own", encode, ["cat"])
    found = figures(table)
    dog, cat = (1 + 2 / 3) / 2, (1 + 2 / 3) / 2  # of cats the last is first, the second third
    assert found["mAP"] == pytest.approx((dog + cat) / 2)
    assert found["P@10"] == 1
    assert found["R@1"] == 1
    assert found["kind part: mAP"] == pytest.approx(1 / 2)  # the other dog is left out
    assert found["kind object: mAP"] == pytest.approx((1 + cat) / 2)
    assert found["large, over 10 %: mAP"] == pytest.approx(1 / 2)
    assert found["seen phrases: mAP"] == pytest.approx(dog)
    assert found["phrases held out: mAP"] == pytest.approx(cat)
    assert found["within two: mAP"] == 1
    # every order of four with two right: the mean of the six average precisions
    six = [1, (1 + 2 / 3) / 2, (1 + 1 / 2) / 2, (1 / 2 + 2 / 3) / 2, 1 / 2, (1 / 3 + 1 / 2) / 2]
    assert figures(table, "chance")["mAP"] == pytest.approx(np.mean(six))
    assert figures(table, "crops")["mAP"] is None
    # by its photo's vector the last cat is last, and of the dogs the first follows it
    assert figures(table, "whole photos")["mAP"] != found["mAP"]


def test_phrases_find_own_masks() -> None:
    found = figures(own_masks(TRUTH, OBSERVATIONS, "own", encode, []))
    # dog: judged in photos 0 and 1; the first mask is right, the second finds it again, the
    # others are wrong, and the dog of photo 1 is never found. cat: judged in 0, 1 and 2; masks
    # by score: the wrong one of photo 2, then the right one; the cat of photo 0 is never found.
    assert found["mAP"] == pytest.approx((1 / 2 + (1 / 2) / 2) / 2)
    assert found["P@10"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert found["R@1"] == pytest.approx(1 / 2)
    assert found["R@10"] == 1
    assert found["badly fitting masks left out: mAP"] == found["mAP"]
    assert found["the same, of what masks were found for: mAP"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["kind part: mAP"] == 0  # there is one, and nobody found it
    assert found["small, 0.2–1 % of the photo: mAP"] == 1
    assert "seen phrases: mAP" not in found


def test_phrases_find_photos() -> None:
    table = phrase_to_photo(TRUTH, OBSERVATIONS, "own", encode)
    assert table.title.startswith("phrase → photo, 3 photos")
    found = figures(table)
    # dog by best mask: 0, 1, 2; cat: 2, 1, 0
    assert found["mAP"] == pytest.approx((1 + (1 + 2 / 3) / 2) / 2)
    # photo 2 would not have named a dog, so it is no error before one
    assert found["among photos that can be judged: mAP"] == found["mAP"]
    by_photo = figures(table, "whole photos")
    assert by_photo["mAP"] == pytest.approx(((1 / 2 + 2 / 3) / 2 + (1 / 2 + 2 / 3) / 2) / 2)
    assert by_photo["among photos that can be judged: mAP"] == pytest.approx(
        (1 + (1 / 2 + 2 / 3) / 2) / 2
    )


def test_texts_find_their_photos() -> None:
    table = text_to_photo(TRUTH, OBSERVATIONS, "own", encode)
    assert [row.count for row in table.rows] == [3, 3]
    # "a dog": photo 3 is first of all (0.95); photo 4 (0.3) comes behind 0, 2, 1; photo 5 of the
    # cat (0.8) ties with a mask of photo 2, which was first. Other photos with the text are
    # passed over.
    assert figures(table)["texts: R@1"] == pytest.approx(1 / 3)
    assert figures(table)["texts: R@10"] == 1
    assert figures(table, "whole photos")["texts: R@1"] == pytest.approx(2 / 3)


def test_sentences_find_photos_with_all_that_they_name() -> None:
    """Against the formula, photo by photo: only the first has both, a cat as a whole."""
    text = "here is a dog and there before the wall is a cat"
    truth = replace(TRUTH, photos=(photo("texts", captions=(text,)), *map(bare, TRUTH.photos[1:])))
    whole = OBSERVATIONS.whole.copy()
    whole[0] = (0.2, 1.0)
    seen = replace(OBSERVATIONS, whole=whole)
    known = {text: (0.6, 0.4), "wall": (0.0, 0.0), "dog": (1.0, 0.0), "cat": (0.0, 1.0)}

    def encoded(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([known[each] for each in texts], np.float32)

    own = seen.proposals["own"]
    scores = []
    for number, each in enumerate(whole):
        parts = np.vstack([own.vectors[own.photo == number], each])
        named = [float((parts @ encoded([name])[0]).max()) for name in phrases_of(text)]
        scores.append(float(each @ encoded([text])[0]) + PHRASES * np.mean(named))
    assert phrases_of(text) == ("dog", "wall", "cat")
    assert scores[0] > max(scores[1:])
    table = text_to_photo(truth, seen, "own", encoded)
    assert figures(table, NAMED)["texts: R@1"] == 1
    assert figures(table)["texts: R@1"] == 0  # the dog of another is more of a dog


def bare(each: TruePhoto) -> TruePhoto:
    return replace(each, captions=(), regions=())


def test_the_fake_preset_knows_colours(squares_corpus: Path) -> None:
    preset, truth = load_preset("colours"), read_truth(squares_corpus, "val")
    told: list[int] = []
    measured = evaluate_retrieval(
        preset, truth, "val", Looking(lambda done, _: told.append(done)), ["ground"]
    )
    assert told == list(range(13))
    assert (measured.task, measured.photos, measured.preset) == ("retrieval", 12, "colours")
    assert measured.fingerprint == preset.fingerprint
    masks, own, photos, colours, texts = measured.tables
    assert masks.columns == ("colours", "crops", "whole photos", "chance")
    assert own.columns == ("colours", "felzenszwalb masks", "chance")
    assert photos.columns == ("colours", "felzenszwalb masks", "whole photos", "chance")
    assert colours.figure("mAP", "colours") == 1
    assert colours.figure("mAP", "without the colour word") < 1  # type: ignore[operator]
    assert colours.figure("colours as people named them in a survey: mAP", "colours") == 1
    assert texts.figure("walls: R@1", "whole photos") == 1
    assert texts.figure("walls: R@1", "colours") == 0  # a red square is as red as a red wall
    assert texts.columns == (
        "colours", NAMED, "felzenszwalb masks", "whole photos", "ImageNet names", "chance"
    )  # fmt: skip
    # names of one or two words are no sentences
    assert texts.figure("walls: R@1", NAMED) == texts.figure("walls: R@1", "colours")
    assert texts.figure("walls: R@1", "chance") == pytest.approx(1 / 12)
    document = measured.to_dict()
    assert [table["title"] for table in document["tables"]] == [
        table.title for table in measured.tables
    ]
    assert "phrases held out: mAP" in str(masks)


def test_a_look_links_proposals_with_regions(squares_corpus: Path) -> None:
    models = load_preset("colours").build()
    truth = read_truth(squares_corpus, "val", most=2)
    seers = models.embedder, {"own": models.segmenter}
    looked_at, seen = observe(truth, lambda: seers, Looking())
    assert looked_at == truth
    assert seen.crops is None
    assert seen.imagenet is None
    assert seen.photo.tolist() == [0, 0, 1, 1]
    assert seen.area == pytest.approx([900 / 4800, 3900 / 4800] * 2)
    own = seen.proposals["own"]
    assert own.photo.tolist() == [0, 0, 1, 1, 2, 3]  # two regions, then one wall each
    # the ground is larger, so it comes first, and it is the second true region of its photo
    linked = dict(zip(own.link_row.tolist(), own.link_region.tolist(), strict=True))
    assert linked == {0: 1, 1: 0, 2: 3, 3: 2}
    assert own.link_iou == pytest.approx(np.ones(4))
    assert own.link_inside == pytest.approx(np.ones(4))


def test_phrases_are_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "unseen.txt").write_text("red door\n\n window \n")
    assert read_phrases(tmp_path / "unseen.txt") == ["red door", "window"]
    with pytest.raises(DataError, match="cannot be read"):
        read_phrases(tmp_path / "none.txt")
