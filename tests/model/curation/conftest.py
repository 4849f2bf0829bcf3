"""Photographs of squares with captions beside them, and the presets that see them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from model.curation.config import CurationConfig, EngineChoice, MaskSettings, default_config
from model.curation.engines.registry import PresetSettings

PAINTS = {"red": (200, 20, 20), "blue": (20, 20, 200), "green": (20, 160, 20)}


@pytest.fixture(scope="session")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photos of two squares each, with a text file beside each."""
    folder = tmp_path_factory.mktemp("captioned")
    chance = np.random.default_rng(7)
    for number in range(10):
        pixels = np.full((60, 80, 3), 255, np.uint8)
        pixels[:, :, 1] -= chance.integers(0, 4, (60, 80)).astype(np.uint8)
        one, other = chance.choice(list(PAINTS), 2, replace=False)
        y, x = chance.integers(2, 8, 2)
        pixels[y : y + 22, x : x + 26] = PAINTS[one]
        pixels[34 - y : 54, 42:70] = PAINTS[other]
        place = folder / ("deep" if number % 3 == 0 else ".")
        place.mkdir(exist_ok=True)
        PillowImage.fromarray(pixels).save(place / f"{number}.png")
        (place / f"{number}.txt").write_text(f"a {one} square and a {other} square\n")
    return folder


@pytest.fixture(scope="session")
def coloured() -> CurationConfig:
    """The default config with the preset of the tests."""
    boxes = EngineChoice("preset", PresetSettings(preset="colours"))
    config = replace(default_config(), boxes=boxes, masks=MaskSettings(preset="colours"))
    return replace(config, filters=replace(config.filters, duplicates=-1))
