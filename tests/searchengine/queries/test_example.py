from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from model.embedders.colour_words import ColourWordEmbedder
from model.embeddings import Embeddings
from model.errors import QueryError
from model.masks.segments import Segments
from model.photos.images import Image, content_hash, read_image
from model.presets.preset import Models
from model.segmenters.classical.colour_regions import ColourRegionSegmenter
from searchengine import Example, SearchEngine
from searchengine.queries.example import _best_in, _smallest_at, embed_example


class Asked(ColourRegionSegmenter):
    """Finds the left half, draws the right one when asked, and notes what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[object] = []

    def segment(self, image: Image) -> Segments:
        mask = np.zeros((1, *image.size), np.bool_)
        mask[:, :, : image.size[1] // 2] = True
        return Segments.from_masks(mask)

    def prompted(
        self,
        image: Image,
        *,
        at: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> Segments:
        self.asked.append((at, box))
        mask = np.zeros((1, *image.size), np.bool_)
        mask[:, :, image.size[1] // 2 :] = True
        return Segments.from_masks(mask)


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """A photo, not indexed: red to the left, blue to the right."""
    pixels = np.zeros((120, 200, 3), np.uint8)
    pixels[:, :100], pixels[:, 100:] = (220, 20, 20), (30, 60, 210)
    path = tmp_path / "halves.png"
    PillowImage.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize(
    "place", [{"box": (110.0, 10.0, 60.0, 90.0)}, {"at": (150.0, 60.0)}], ids=["box", "point"]
)
def test_what_no_segment_covers_is_drawn_by_a_segmenter_that_can_be_asked(
    engine: SearchEngine, halves: Path, place: dict[str, tuple[float, ...]]
) -> None:
    asked = Asked()
    engine._opened._segmenter_of = engine.preset, asked
    example = Example(halves, **place)  # type: ignore[arg-type]
    (match,) = engine.similar(example, k=1)
    assert Path(match.photo.path).name in ("two.jpg", "three.jpg")
    assert asked.asked == [(place.get("at"), place.get("box"))]


def test_a_segment_that_is_there_is_meant_first(engine: SearchEngine, halves: Path) -> None:
    asked = Asked()
    engine._opened._segmenter_of = engine.preset, asked
    engine.similar(Example(halves, at=(30, 60)), k=1)
    engine.similar(Example(halves, box=(0, 0, 95, 120)), k=1)
    assert asked.asked == []


def test_where_nobody_can_be_asked_the_segment_at_the_point_is_meant(
    engine: SearchEngine, halves: Path
) -> None:
    (left,) = engine.similar(Example(halves, at=(30, 60)), k=1)
    (right,) = engine.similar(Example(halves, at=(170, 60)), k=1)
    assert Path(left.photo.path).name in ("red.jpg", "two.jpg")
    assert Path(right.photo.path).name in ("two.jpg", "three.jpg")


def test_where_nobody_can_be_asked_a_box_means_the_segment_that_fills_it(
    engine: SearchEngine, halves: Path
) -> None:
    (right,) = engine.similar(Example(halves, box=(85, 10, 110, 100)), k=1)
    assert Path(right.photo.path).name in ("two.jpg", "three.jpg")
    assert right.score is not None
    assert right.score > 0.9  # what is red in the box is not meant


def test_the_best_fitting_box_is_chosen_if_it_fits_at_all() -> None:
    mask = np.zeros((3, 60, 100), np.bool_)
    mask[0, 10:30, 10:40], mask[1, 8:34, 8:44], mask[2, :, :] = True, True, True
    segments = Segments.from_masks(mask)
    assert _best_in((90, 90, 310, 210), segments, (600, 1000)) == 0
    assert _best_in((70, 70, 380, 280), segments, (600, 1000)) == 1
    assert _best_in((900, 500, 50, 50), segments, (600, 1000)) is None
    assert _best_in((0, 0, 9, 9), Segments.empty((60, 100)), (600, 1000)) is None


class Drawing(ColourRegionSegmenter):
    """Draws the last segment that it finds, wherever it is asked."""

    def prompted(
        self,
        image: Image,
        *,
        at: tuple[float, float] | None = None,
        box: tuple[float, float, float, float] | None = None,
    ) -> Segments:
        return self.segment(image)[[-1]]


class Neighbourly(ColourWordEmbedder):
    """A segment's vector is half its own, half the mean of those it is embedded with."""

    depends_on_others = True  # type: ignore[assignment]

    def embed_segments(self, image: Image, segments: Segments) -> Embeddings:
        return self.embed_among(image, segments, segments)

    def embed_among(self, image: Image, segments: Segments, among: Segments) -> Embeddings:
        own, others = (super(Neighbourly, self).embed_segments(image, s) for s in (segments, among))
        return Embeddings.unit(own.vectors + others.vectors.mean(axis=0), self.space)


@pytest.mark.parametrize("where", ["at", "box", "whole", "drawn", "drawn, indexed"])
def test_an_example_has_the_vector_that_indexing_would_have_given(
    where: str, engine: SearchEngine, photos: Path, tmp_path: Path
) -> None:
    models = Models(Drawing(), Neighbourly(engine.preset.space))
    photo = photos / "2024" / "two.jpg"
    image = read_image(photo, max_side=engine.preset.image_side)
    found = models.segmenter.segment(image).with_whole()
    expected = models.embedder.embed_segments(image, found).vectors
    if where != "drawn, indexed":
        photo = tmp_path / "again.png"  # the same pixels in a file that is not indexed
        PillowImage.fromarray(image.pixels).save(photo)
    x0, y0, x1, y1 = found.boxes[0] * image.size[0] / found.size[0]
    nowhere = (0.0, 0.0, 9.0, 9.0)  # no segment fills it
    example, row = {
        "at": (Example(photo, at=(130, 30)), 0),
        "box": (Example(photo, box=(x0, y0, x1 - x0, y1 - y0)), 0),
        "whole": (Example(photo), len(found) - 1),
    }.get(where, (Example(photo, box=nowhere), len(found) - 2))
    if where == "at":
        row = _smallest_at((130, 30), found, image.size) or 0
    vector, itself = embed_example(example, engine.reader, engine.preset, models)
    assert itself is None
    np.testing.assert_allclose(vector.vectors[0], expected[row], atol=1e-6)
    alone = models.embedder.embed_segments(image, found[[row]]).vectors
    assert not np.allclose(alone, expected[[row]], atol=0.01)


def test_a_box_around_a_segment_of_the_index_means_that(engine: SearchEngine, photos: Path) -> None:
    photo = photos / "2024" / "two.jpg"
    photo_id = engine.reader.catalog.photo_by_hash(content_hash(photo))
    assert photo_id is not None
    row = engine.reader.catalog.segments_of(photo_id)[0]
    x0, y0, x1, y1 = np.array(row.box) * 320 / row.frame[1]
    example = Example(photo, box=(x0, y0, x1 - x0, y1 - y0))
    vector, itself = embed_example(example, engine.reader, engine.preset, engine.models)
    kept = engine.reader.catalog.vectors_of(np.array([row.id]))
    np.testing.assert_allclose(vector.vectors, kept, atol=1e-6)
    assert itself == row.id


@pytest.mark.parametrize(
    ("example", "told"),
    [
        (Example(Path("a.jpg")), "like a.jpg"),
        (Example(Path("a.jpg"), at=(90.0, 140.5)), "like a.jpg at 90,140.5"),
        (Example(Path("a.jpg"), box=(1, 2, 300, 4000)), "like a.jpg in box 1,2,300,4000"),
        (Example(segment=7), "like segment 7"),
    ],
)
def test_an_example_is_told_as_it_is_typed(example: Example, told: str) -> None:
    assert str(example) == told


@pytest.mark.parametrize(
    "place",
    [
        {"at": (1.0,)},
        {"at": (np.nan, 1.0)},
        {"box": (1.0, 2.0, 0.0, 4.0)},
        {"box": (1.0, 2.0, 3.0, -4.0)},
        {"box": (1.0, 2.0, 3.0, np.inf)},
        {"box": (1.0, 2.0, 3.0)},
    ],
)
def test_a_place_that_can_be_in_no_photo_is_refused(place: Any) -> None:
    with pytest.raises(QueryError):
        Example(Path("photo.jpg"), **place)
