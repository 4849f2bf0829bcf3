from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st

from model.calibration import FEATURES, Calibration
from model.errors import WeightsMismatch
from model.rival_words import NEAR

D = 48


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def world() -> tuple[Calibration, np.ndarray]:
    """Concepts as directions, 30 of them words of the background; segments are noisy concepts."""
    random = np.random.default_rng(0)
    concepts = unit(random.normal(size=(40, D)))
    shown = random.integers(0, 30, 600)
    segments = unit(concepts[shown] * 0.6 + unit(random.normal(size=(600, D))))
    words = [f"word {i}" for i in range(30)]
    return Calibration.from_background(segments, words, concepts[:30]), concepts


def shows(concept: np.ndarray, count: int = 5) -> np.ndarray:
    random = np.random.default_rng(1)
    return unit(concept * 1.0 + unit(random.normal(size=(count, D))))


def test_what_is_shown_is_believed_and_what_is_not_is_not(
    world: tuple[Calibration, np.ndarray],
) -> None:
    calibration, concepts = world
    for concept in concepts:  # known words and unknown ones
        assert calibration.confidence(concept, shows(concept)).min() > 0.5
    absent = calibration.confidence(concepts[35], shows(concepts[3]))
    assert absent.max() < 0.3


def test_a_better_explanation_lowers_the_confidence(world: tuple[Calibration, np.ndarray]) -> None:
    calibration, concepts = world
    query, rival = concepts[35], concepts[3]
    plain = shows(query, 1)
    mixed = unit(plain + 0.8 * rival)
    mixed_score, score = mixed @ query, plain @ query
    assert mixed_score > 0.5 * score
    assert calibration.confidence(query, mixed) < calibration.confidence(query, plain)


def test_a_near_synonym_is_no_rival(world: tuple[Calibration, np.ndarray]) -> None:
    calibration, concepts = world
    synonym = unit(concepts[35] + 0.2 * concepts[36])
    assert synonym @ concepts[35] > NEAR
    wider = Calibration.from_background(
        calibration.segments,
        (*calibration.words, "synonym"),
        np.vstack([calibration.texts, synonym]),
    )
    found = unit(shows(concepts[35]) + 0.3 * concepts[36])
    rivalry = FEATURES.index("rivalry")
    rivals = (each.evidence(concepts[35], found)[:, rivalry] for each in (wider, calibration))
    assert_close(*rivals, terms=D, dtype="float32")


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 39))
def test_confidence_never_falls_with_the_score(
    world: tuple[Calibration, np.ndarray], seed: int, number: int
) -> None:
    """The segments differ along the query only, beyond the reach of every rival word."""
    calibration, concepts = world
    query = concepts[number]
    others = calibration.texts[calibration.texts @ query < NEAR]
    reachable = np.linalg.svd(others, full_matrices=True)[2][len(others) :]
    aside = unit((reachable.T @ (reachable @ query))[None])[0]  # no rival sees this direction
    base = np.random.default_rng(seed).normal(size=D).astype(np.float32)
    base /= np.linalg.norm(base)
    steps = base + np.linspace(0, 2, 9, dtype=np.float32)[:, None] * aside
    assert (np.diff(steps @ query) > 0).all()
    assert (np.diff(calibration.confidence(query, steps)) >= 0).all()


def test_the_length_of_the_query_does_not_matter(world: tuple[Calibration, np.ndarray]) -> None:
    calibration, concepts = world
    found = shows(concepts[2])
    told = (calibration.confidence(query, found) for query in (concepts[2], 7 * concepts[2]))
    # evidence is in deviations of the background's scores, up to a hundred; see FEATURES
    assert_close(*told, terms=len(FEATURES) * D, dtype="float32", scale=10)


def test_no_matches_and_no_words() -> None:
    segments = np.eye(4, dtype=np.float32)
    calibration = Calibration.from_background(segments, [], np.zeros((0, 4), np.float32))
    assert calibration.confidence(segments[0], segments[:0]).shape == (0,)
    assert np.isfinite(calibration.confidence(segments[0], segments)).all()
    assert np.isfinite(calibration.confidence(np.zeros(4, np.float32), segments)).all()


def test_a_saved_calibration_comes_back(
    world: tuple[Calibration, np.ndarray], tmp_path: Path
) -> None:
    calibration, concepts = world
    calibration.save(tmp_path / "c.safetensors")
    loaded = Calibration.load(tmp_path / "c.safetensors")
    assert loaded.words == calibration.words
    assert loaded.coefficients == calibration.coefficients
    found = shows(concepts[1])
    np.testing.assert_allclose(
        loaded.confidence(concepts[1], found),
        calibration.confidence(concepts[1], found),
        atol=0.02,
    )


def test_many_questions_are_judged_as_each_alone(world: tuple[Calibration, np.ndarray]) -> None:
    calibration, concepts = world
    matches = [shows(concept, count) for count, concept in enumerate(concepts)]
    together = calibration.confidences(3 * concepts, matches)
    for concept, found, confidence in zip(concepts, matches, together, strict=True):
        assert_close(confidence, calibration.confidence(concept, found), 40 * D, scale=1)


def test_another_file_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "torn.safetensors").write_bytes(b"\x01" * 30)
    for name in ("torn", "missing"):
        with pytest.raises(WeightsMismatch, match="calibration"):
            Calibration.load(tmp_path / f"{name}.safetensors")


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    segments = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="texts"):
        Calibration.from_background(segments, ["one"], np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match="segments"):
        Calibration.from_background(segments[:0], [], np.zeros((0, 3), np.float32))
    with pytest.raises(ValueError, match="coefficient"):
        Calibration.from_background(segments, ["x"], segments[:1], (-1, 0, 0, 0, 0, 0))
