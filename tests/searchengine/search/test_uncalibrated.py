from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.update import Options
from model import load_preset
from model.embedders.residual_head import HeadShape, ResidualHead
from searchengine import SearchEngine
from searchengine.search.uncalibrated import standing_out, unfitted

COLOURS = ((220, 30, 30), (30, 60, 210), (30, 170, 60), (240, 240, 240))


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def crowd(count: int = 4000, shown: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of which the first few show what the question asks for."""
    random = np.random.default_rng(0)
    question = random.normal(size=64)
    rows = random.normal(size=(count, 64))
    rows[:shown] += 1.5 * question
    return unit(rows), unit(question[None])[0]


def test_what_stands_out_is_believed_and_the_rest_is_not() -> None:
    segments, question = crowd()
    judge = standing_out(segments[::2], len(segments))
    found = judge.confidence(question, segments)
    assert (found[:40] > 0.9).all()
    assert (found[40:] < 0.5).all()
    order = np.argsort(-(segments @ question))
    assert (np.diff(found[order]) <= 0).all()


def test_what_is_nowhere_has_no_confident_answer() -> None:
    segments, _ = crowd()
    judge = standing_out(segments, len(segments))
    absent = unit(np.random.default_rng(1).normal(size=(20, 64)))
    best = [judge.confidence(question, segments).max() for question in absent]
    assert np.mean(np.array(best) < 0.5) >= 0.8


@pytest.mark.parametrize("count", [10, 10_000, 1_000_000])
def test_the_larger_the_index_the_farther_out_a_match_must_lie(count: int) -> None:
    segments, question = crowd()
    score = np.sort(segments[40:] @ question)
    middle = np.median(score)
    spread = 1.4826 * np.median(np.abs(score - middle))
    judge = standing_out(segments[40:], count)
    place = middle + np.sqrt(2 * np.log(count)) * spread
    match = unit(place * question[None] + np.sqrt(1 - place**2) * orthogonal(question))
    assert judge.confidence(question, match)[0] == pytest.approx(0.5, abs=0.02)


def orthogonal(question: np.ndarray) -> np.ndarray:
    other = np.random.default_rng(2).normal(size=(1, 64))
    return unit(other - (other @ question)[:, None] * question)


def test_one_segment_is_not_judged_to_stand_out() -> None:
    segments, question = crowd(1, 1)
    assert standing_out(segments, 1).confidence(question, segments)[0] < 0.5


def test_an_own_head_has_no_calibration_and_is_searched_with_confidence(
    tiny_towers: Path, tmp_path: Path
) -> None:
    bare = load_preset(str(tiny_towers / "towers.toml"))
    shape = HeadShape((3, 6), (3,), 64, 48, 32, 16, bare.space.fingerprint)
    ResidualHead(shape).save(tmp_path / "head.safetensors")
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, colour in enumerate(COLOURS):
        pixels = np.full((48, 64, 3), 128, np.uint8)
        pixels[10:36, 8 + number : 40] = colour
        Image.fromarray(pixels).save(photos / f"{number}.png")
    preset = bare.with_head(tmp_path / "head.safetensors")
    with SearchEngine.open(tmp_path / "index", preset.reference) as engine:
        engine.index(photos, options=Options(jobs=1))
        assert engine.reader.catalog.manifest.space == preset.space
        matches = engine.search("a red square", k=3)
        assert len(matches) == 3
        assert all(match.confidence is not None for match in matches)
        found = [match.confidence for match in matches]
        assert found == sorted(found, reverse=True)  # type: ignore[type-var]


def test_that_nobody_fitted_a_head_is_told() -> None:
    preset = load_preset("nano")
    assert unfitted(preset) == ()
    (line,) = unfitted(replace(preset, head=Path("/mine/head.safetensors")))
    assert "head.safetensors" in line
