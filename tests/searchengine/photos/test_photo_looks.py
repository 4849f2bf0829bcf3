from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw

from model.masks.segments import Segments
from model.photos.images import Image
from model.referring.parse import parse
from model.referring.referrer import Referrer, Views, texts_of
from searchengine import Options, SearchEngine
from searchengine.photos.photo_looks import PhotoLooks

ASKED = "the leftmost red circle"


class Sharp(Referrer):
    """Sees the wider of two segments as more like any text."""

    def __init__(self) -> None:
        self.looked = 0

    def look(self, image: Image, segments: Segments) -> Views:
        self.looked += 1
        widths = segments.boxes[:, 2] - segments.boxes[:, 0]
        vectors = (widths / 1000)[:, None].astype(np.float32)
        return Views(vectors, lambda texts: np.ones((len(texts), 1), np.float32))


@dataclass(frozen=True)
class Indexed:
    """An index of two photos with three red circles each, of different sizes.

    Attributes:
        photos: folder of the photos.
        index: folder of the index.
        plain, looking: presets without and with looks, over the same vectors.
    """

    photos: Path
    index: Path
    plain: str
    looking: str


@pytest.fixture(scope="module")
def indexed(tiny_towers: Path, tmp_path_factory: pytest.TempPathFactory) -> Indexed:
    folder = tmp_path_factory.mktemp("looks")
    (folder / "photos").mkdir()
    for name, shift in (("one", 0), ("two", 7)):
        picture = PillowImage.new("RGB", (320, 240), (128, 128, 128))
        draw = ImageDraw.Draw(picture)
        for box in ((10, 100, 50, 140), (80, 70, 170, 160), (190, 110, 220, 140)):
            draw.ellipse([edge + shift for edge in box], fill=(220, 20, 20))
        picture.save(folder / "photos" / f"{name}.png")
    plain = f'extends = "{tiny_towers}/towers.toml"\n'
    (folder / "plain.toml").write_text(plain)
    (folder / "looking.toml").write_text(f"{plain}[referring]\nglobal_local = true\n")
    presets = [str(folder / f"{name}.toml") for name in ("plain", "looking")]
    made = Indexed(folder / "photos", folder / "index", *presets)
    with SearchEngine.open(made.index, made.plain) as engine:
        engine.index(made.photos, options=Options(jobs=1))
    return made


def test_looks_reorder_the_segments_of_the_first_photos(indexed: Indexed) -> None:
    with SearchEngine.open(indexed.index, indexed.plain) as engine:
        catalog, expression = engine.reader.catalog, parse(ASKED)
        ids = sorted({match.photo.id for match in engine.segments()})
        rows = [catalog.segments_of(i) for i in ids]
        texts = texts_of(expression)
        first = len(rows[0])
        cosines = np.random.default_rng(0).random((first + len(rows[1]), len(texts)))
        sharp = Sharp()
        looks = PhotoLooks(sharp, 1, 64)
        for _ in range(2):
            found, notes = looks.replaced(cosines, rows, texts, expression, catalog)
        assert (notes, sharp.looked) == ([], 1)
        widths = np.array([row.box[2] - row.box[0] for row in rows[0]]) / 1000
        for column in range(len(texts)):
            expected = widths - widths.max() + cosines[:first, column].max()
            assert found[:first, column] == pytest.approx(expected, abs=1e-6)
        assert found[first:].tolist() == cosines[first:].tolist()


def test_a_preset_asks_for_looks_in_searches(indexed: Indexed) -> None:
    scores = []
    for preset in (indexed.plain, indexed.looking):
        with SearchEngine.open(indexed.index, preset) as engine:
            for words in (ASKED, "red circle"):
                found = engine.search(words, k=20)
                scores.append({match.segment_id: match.score for match in found})
    plain, plain_bare, looked, looked_bare = scores
    assert plain != looked
    assert plain_bare == looked_bare  # nothing to be told apart, no photo is opened


def test_a_photo_that_is_gone_keeps_its_vectors(indexed: Indexed) -> None:
    place, aside = indexed.photos / "two.png", indexed.photos.parent / "two.png"
    place.rename(aside)
    try:
        with SearchEngine.open(indexed.index, indexed.looking) as engine:
            found = engine.search(ASKED, k=20)
    finally:
        aside.rename(place)
    assert found.explanation is not None
    assert len([n for n in found.explanation.notes if "two.png was not looked at" in n]) == 1
    assert {Path(match.photo.path).name for match in found} == {"one.png", "two.png"}
