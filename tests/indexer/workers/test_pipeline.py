"""Photos looked at together, and one by one: the same outcomes, whatever befalls one of them."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexer.workers.pipeline import Outcome, perceptual_hash, process
from model.photos.images import content_hash, read_photo
from model.presets.preset import Models, load_preset
from model.segmenter import Segmenter

PRESET = load_preset("colours")


@pytest.fixture
def photo(tmp_path: Path, painted: ModuleType) -> Path:
    return painted.paint(tmp_path / "photo.png", 3)


@pytest.fixture
def paths(tmp_path: Path, painted: ModuleType) -> list[str]:
    return [str(painted.paint(tmp_path / f"{number}.png", number)) for number in range(5)]


@pytest.fixture(scope="module")
def models() -> Models:
    return PRESET.build()


class Stumbling(Segmenter):
    """Finds what `colours` finds, but fails over more photos than `most`, and over some."""

    def __init__(
        self, models: Models, error: Exception, most: int = 1, bad: Sequence[int] = ()
    ) -> None:
        self.segmenter, self.error, self.most, self.bad = models.segmenter, error, most, bad
        self.asked: list[int] = []

    def segment(self, image: Any) -> Any:
        return self.segment_all([image])[0]

    def segment_all(self, images: Any) -> Any:
        self.asked.append(len(images))
        widths = {image.pixels.shape[1] for image in images}
        if len(images) > self.most or widths & set(self.bad):
            raise self.error
        return self.segmenter.segment_all(images)


def looked(paths: Sequence[str], models: Models, megapixels: float = 200.0) -> list[Outcome]:
    return process(paths, PRESET, models, megapixels)


def same(one: Outcome, other: Outcome) -> bool:
    """But for the seconds that they took."""
    if one.photo is None or other.photo is None:
        return one == other
    a, b = one.photo, other.photo
    return (
        (one.path, one.stamp, a.content_hash, a.header, a.perceptual_hash)
        == (other.path, other.stamp, b.content_hash, b.header, b.perceptual_hash)
        and a.segments.counts == b.segments.counts
        and np.array_equal(a.embeddings.vectors, b.embeddings.vectors)
        and np.array_equal(a.photo_embedding.vectors, b.photo_embedding.vectors)
    )


def as_alone(outcomes: Sequence[Outcome], models: Models) -> bool:
    alone = (looked([outcome.path], models)[0] for outcome in outcomes)
    return all(same(*pair) for pair in zip(outcomes, alone, strict=True))


def test_a_photo_becomes_what_the_index_holds(photo: Path, models: Models) -> None:
    (outcome,) = looked([str(photo)], models)
    made = outcome.photo
    assert made is not None
    assert (outcome.path, outcome.kind, outcome.reason) == (str(photo), "", "")
    assert outcome.stamp.mtime_ns == photo.stat().st_mtime_ns
    assert outcome.stamp.size == photo.stat().st_size
    assert made.content_hash == content_hash(photo)
    assert len(made.segments) == len(made.embeddings) >= 3
    assert made.seconds >= 0


def test_photos_together_are_what_they_are_alone(paths: list[str], models: Models) -> None:
    together = looked(paths, models)
    assert [outcome.path for outcome in together] == paths
    assert as_alone(together, models)
    assert all(outcome.photo for outcome in together)
    assert looked([], models) == []


def test_a_damaged_photo_among_others_costs_only_itself(paths: list[str], models: Models) -> None:
    Path(paths[1]).write_bytes(Path(paths[1]).read_bytes()[:90])
    Path(paths[3]).unlink()
    outcomes = looked(paths, models)
    assert [outcome.path for outcome in outcomes] == paths
    assert [outcome.kind for outcome in outcomes] == ["", "PhotoUnreadable", "", "PhotoChanged", ""]
    assert as_alone(outcomes, models)


def test_too_many_at_once_are_looked_at_by_halves(paths: list[str], models: Models) -> None:
    segmenter = Stumbling(models, RuntimeError("CUDA out of memory"), most=2)
    outcomes = looked(paths, Models(segmenter, models.embedder))
    assert segmenter.asked == [5, 2, 3, 1, 2]
    assert as_alone(outcomes, models)


def test_trouble_is_told_not_raised(photo: Path, tmp_path: Path, models: Models) -> None:
    (tmp_path / "cut\n.png").write_bytes(photo.read_bytes()[:100])
    (cut,) = looked([str(tmp_path / "cut\n.png")], models)
    assert (cut.photo, cut.kind) == (None, "PhotoUnreadable")
    assert "cut\\n.png" in cut.reason
    assert "\n" not in cut.reason
    assert looked([str(photo)], models, 0.001)[0].kind == "PhotoTooLarge"
    assert looked([str(tmp_path / "none.png")], models)[0].kind == "PhotoChanged"


@pytest.mark.parametrize(
    ("error", "kind"),
    [(MemoryError(), "PhotoTooLarge"), (IndexError("of\nrange"), "PhotoUnreadable")],
)
def test_a_model_that_stumbles_costs_one_photo(
    paths: list[str], tmp_path: Path, models: Models, error: Exception, kind: str
) -> None:
    odd = str(tmp_path / "odd.png")
    Image.new("RGB", (77, 50), "red").save(odd)
    segmenter = Stumbling(models, error, most=9, bad=[77])
    outcomes = looked([*paths[:2], odd, *paths[2:]], Models(segmenter, models.embedder))
    stumbled = outcomes.pop(2)
    assert (stumbled.kind, stumbled.photo) == (kind, None)
    assert odd in stumbled.reason
    assert "\n" not in stumbled.reason
    assert as_alone(outcomes, models)


def test_lookalikes_have_hashes_that_differ_little(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        blocks = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        blocks.resize((640, 480), Image.Resampling.BICUBIC).save(tmp_path / f"{name}.png")
    Image.open(tmp_path / "a.png").resize((320, 240)).save(tmp_path / "small.jpg", quality=60)
    a, b, small = (
        perceptual_hash(read_photo(tmp_path / name)) for name in ("a.png", "b.png", "small.jpg")
    )
    assert all(-(2**63) <= h < 2**63 for h in (a, b, small))
    assert ((a ^ small) & (2**64 - 1)).bit_count() <= 4
    assert ((a ^ b) & (2**64 - 1)).bit_count() >= 16


@pytest.mark.parametrize(("size", "shows"), [((4, 4), False), ((400, 7), False), ((8, 8), True)])
def test_a_picture_of_a_few_pixels_is_no_photo(
    size: tuple[int, int], shows: bool, tmp_path: Path, models: Models
) -> None:
    path = tmp_path / "dot.png"
    Image.new("RGB", size, "red").save(path)
    (outcome,) = looked([str(path)], models)
    assert (outcome.photo is not None) == shows
    if not shows:
        assert outcome.kind == "PhotoUnsupported"
        assert f"{size[0]}×{size[1]} pixels" in outcome.reason
