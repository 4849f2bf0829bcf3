from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close, assert_unit

from model.embedders.attributes.materials import (
    COMPONENTS,
    LEVELS,
    MATERIAL_WORDS,
    MATERIALS,
    MaterialModel,
    region_materials,
)
from model.encoders.efficientnet import CHANNELS
from model.errors import WeightsMismatch

# each level's mean and deviation, and the products; a logit is a sum of products of about one
TERMS = 3 * sum(LEVELS)
SCALE = sum(LEVELS) ** 0.5


def model() -> MaterialModel:
    torch.manual_seed(0)
    return MaterialModel(torch.randn(len(COMPONENTS), sum(LEVELS)), torch.randn(len(COMPONENTS)))


@pytest.mark.parametrize(
    ("text", "words", "rest"),
    [
        ("wooden table", {"wood"}, "table"),
        ("the fence is wooden", {"wood"}, "the fence is"),
        ("a chair made of wood", {"wood"}, "a chair"),
        ("brick wall", {"brick"}, "wall"),
        ("concrete steps", {"stone"}, "steps"),
        ("stainless steel spoon", {"metal"}, "spoon"),
        ("glass bottle", {"glass"}, "bottle"),
        ("red leather jacket", {"leather"}, "red jacket"),
        ("fluffy dog", {"fur"}, "dog"),
        ("wood and glass door", {"glass"}, "wood and door"),
        ("glass of wine", set(), "glass of wine"),
        ("wine glass", set(), "wine glass"),
        ("a glass on the table", set(), "a glass on the table"),
        ("iron the shirt", set(), "iron the shirt"),
        ("wood duck", set(), "wood duck"),
        ("brick-red dress", set(), "brick-red dress"),
        ("stone", set(), "stone"),
        ("", set(), ""),
    ],
)
def test_materials_are_read_where_they_are_said_of_something(
    text: str, words: set[str], rest: str
) -> None:
    (row,) = MATERIAL_WORDS.asked([text])
    assert {COMPONENTS[i] for i in np.flatnonzero(row)} == words
    assert MATERIAL_WORDS.without(text) == rest


def test_the_trunks_first_levels_are_looked_at_each_at_its_own_scale() -> None:
    assert CHANNELS[:3] == LEVELS
    pooled = torch.randn(4, sum(CHANNELS))
    other = pooled.clone()
    other[:, : LEVELS[0]] = 3 * other[:, : LEVELS[0]] + 5
    other[:, sum(LEVELS) :] = 0
    assert_close(model().logits(other), model().logits(pooled), TERMS, scale=SCALE)
    weights, biases = model()._weights, model()._biases
    parts = torch.split(pooled[:, : sum(LEVELS)], LEVELS, dim=1)
    scaled = [(p - p.mean(1, True)) / p.std(1, correction=0, keepdim=True) for p in parts]
    naive = torch.cat(scaled, dim=1) @ weights.T + biases
    assert_close(model().logits(pooled), naive, TERMS, scale=SCALE)


def test_probabilities_become_unit_rows() -> None:
    logits = np.random.default_rng(0).normal(0, 30, (5, len(COMPONENTS))).astype(np.float32)
    rows = region_materials(logits)
    assert_unit(rows)
    np.testing.assert_array_equal(rows.argmax(axis=1), logits.argmax(axis=1))
    assert region_materials(logits[:0]).shape == (0, len(COMPONENTS))


def test_a_model_comes_back_from_its_file(tmp_path: Path) -> None:
    model().save(tmp_path / "materials.safetensors")
    pooled = torch.randn(3, sum(CHANNELS))
    again = MaterialModel.load(tmp_path / "materials.safetensors").logits(pooled)
    expected = model().logits(pooled)
    assert_close(again, expected, terms=1, dtype=torch.float16, scale=SCALE)  # as weights are kept


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "materials.safetensors").write_bytes(b"no tensors")
    with pytest.raises(WeightsMismatch, match="a model of materials"):
        MaterialModel.load(tmp_path / "materials.safetensors")
    with pytest.raises(ValueError, match="material model"):
        MaterialModel(torch.zeros(2, 3), torch.zeros(2))


def test_the_bundled_model_knows_all_materials() -> None:
    logits = MaterialModel.load().logits(torch.randn(200, sum(CHANNELS)))
    assert logits.shape == (200, len(MATERIALS) + 1)
