"""Configs: what is left out, what is refused, and that a written one is read as it says."""

import json
from pathlib import Path

import pytest

from model.curation.config import CurationConfig, default_config, load_config
from model.curation.engines.registry import (
    CAPTIONERS,
    GROUNDERS,
    DetectorSettings,
    PresetSettings,
    SideFilesSettings,
)
from model.errors import RecipeInvalid

HOME = Path(__file__).resolve().parents[3]


def written(folder: Path, text: str) -> Path:
    file = folder / "curate.toml"
    file.write_text(text)
    return file


def test_what_is_left_out_is_the_default(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, ""))
    assert config.to_dict() == default_config().to_dict()
    assert config.beside == tmp_path
    assert config.captions[0].settings == SideFilesSettings()
    assert config.boxes.settings == PresetSettings()
    json.dumps(config.to_dict())


def test_engines_and_settings_are_read(tmp_path: Path) -> None:
    config = load_config(
        written(
            tmp_path,
            """
            [[captions]]
            engine = "side-files"
            path = "captions.jsonl"
            [[captions]]
            engine = "side-files"
            [boxes]
            engine = "grounding-dino"
            folder = "models/gdino"
            [cleaning]
            least = 0.3
            [merging]
            overlap = 0.7
            [filters]
            blocked = ["gun"]
            """,
        )
    )
    assert [choice.settings.path for choice in config.captions] == ["captions.jsonl", ""]
    assert config.boxes.settings == DetectorSettings("models/gdino")
    assert (config.cleaning.least, config.merging.overlap) == (0.3, 0.7)
    assert config.filters.blocked == ("gun",)
    assert config.to_dict()["boxes"]["engine"] == "grounding-dino"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[box]", r"no section \[box\]"),
        ("captions = []", "names no engine"),
        ("captions = [1]", "is no table"),
        ('[boxes]\nengine = "yolo"', "choose one of preset"),
        ('[boxes]\nengine = "preset"\nleast = 2', "least is 2"),
        ('[boxes]\nengine = "owlv2"', "lacks the key 'folder'"),
        ("[merging]\noverlap = 0", "overlap is 0"),
        ("[masks]\noutside = 2", "outside is 2"),
        ("[shards]\npairs = 0", "pairs is 0"),
        ("[", "is no TOML"),
    ],
)
def test_what_is_not_understood_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeInvalid, match=message):
        load_config(written(tmp_path, text))


def test_a_config_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid, match="cannot be read"):
        load_config(tmp_path / "none.toml")


def test_the_recipe_names_every_setting_as_it_is_by_default() -> None:
    recipe: CurationConfig = load_config(HOME / "recipes" / "curate.toml")
    assert recipe.to_dict() == default_config().to_dict()


def test_every_engine_has_settings_of_its_own() -> None:
    for kinds in (CAPTIONERS, GROUNDERS):
        for kind in kinds.values():
            assert kind.settings.__doc__
