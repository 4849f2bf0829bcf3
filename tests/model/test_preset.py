import hashlib
from pathlib import Path

import numpy as np
import pytest

from model import Image, load_preset, preset_names
from model.errors import PresetUnknown, WeightsMismatch, WeightsMissing
from model.preset import FOLDER
from model.weights import WeightFile

COLOURS = (FOLDER / "colours.toml").read_text()


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "own.toml"
    path.write_text(text)
    return str(path)


def test_the_default_comes_first() -> None:
    assert preset_names()[0] == "nano"


def test_a_preset_builds_what_it_names() -> None:
    models = load_preset("colours").build()
    image = Image(np.full((40, 60, 3), (220, 20, 20), np.uint8), (40, 60))
    segments = models.segmenter.segment(image)
    vectors = models.embedder.embed_segments(image, segments)
    assert vectors.space == load_preset("colours").space
    assert models.embedder.embed_texts(["red"]).similarity(vectors)[0, 0] > 0.99


@pytest.mark.parametrize("name", ["huge-secret", "", "../colours", "/etc/passwd", "no/such.toml"])
def test_an_unknown_name_is_told_with_the_known_ones(name: str) -> None:
    with pytest.raises(PresetUnknown, match="colours"):
        load_preset(name)


@pytest.mark.parametrize(
    "text",
    [
        "not = [toml",
        "name = 'half'",
        COLOURS.replace("colour-words", "telepathy"),
        COLOURS + "\n[weights.head]\nfile = 'x'\nunknown = 1\n",
        COLOURS.replace("image_side", "side_image"),
    ],
)
def test_a_file_that_is_no_preset_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(PresetUnknown, match=r"own\.toml"):
        load_preset(written(tmp_path, text))


def test_an_unknown_setting_is_told_when_it_is_built(tmp_path: Path) -> None:
    preset = load_preset(
        written(tmp_path, COLOURS.replace("[embedder]", "sharpness = 3\n[embedder]"))
    )
    with pytest.raises(PresetUnknown, match="sharpness"):
        preset.build()


def test_the_fingerprint_tells_settings_apart_and_the_space_only_the_embedder_s(
    tmp_path: Path,
) -> None:
    bundled = load_preset("colours")
    other = load_preset(written(tmp_path, COLOURS.replace("[embedder]", "side = 96\n[embedder]")))
    assert bundled.fingerprint != other.fingerprint
    assert bundled.space == other.space
    sharper = load_preset(written(tmp_path, COLOURS + "side = 96\n"))
    assert sharper.space != bundled.space


def weights(folder: Path, sha256: str, **more: str) -> WeightFile:
    return WeightFile("head", "head.bin", sha256, "CC0", folder, **more)


def test_weights_are_found_checked_and_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"head\.bin"):
        weights(tmp_path, "").checked_path()
    (tmp_path / "head.bin").write_bytes(b"numbers")
    digest = hashlib.sha256(b"numbers").hexdigest()
    assert weights(tmp_path, digest).checked_path() == tmp_path / "head.bin"
    with pytest.raises(WeightsMismatch, match=digest[:12]):
        weights(tmp_path, "0" * 64).checked_path()


def test_weights_in_a_package_that_is_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="nobody_made_this"):
        weights(tmp_path, "", package="nobody_made_this").path()
