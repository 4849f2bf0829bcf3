from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model import Image, load_preset, preset_names
from model.embeddings import EmbeddingSpace
from model.errors import PresetInvalid, PresetUnknown, WeightsMissing
from model.presets.preset import FOLDER

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
    with pytest.raises(PresetInvalid, match=r"own\.toml"):
        load_preset(written(tmp_path, text))


def test_the_file_is_told_that_says_what_is_wrong(tmp_path: Path) -> None:
    written(tmp_path, COLOURS + "sharpness = 3\n")
    (tmp_path / "above.toml").write_text("extends = 'own.toml'\nname = 'above'")
    with pytest.raises(PresetInvalid, match=r"own\.toml: \[embedder\] has no .* have kind, side$"):
        load_preset(str(tmp_path / "above.toml"))
    written(tmp_path, COLOURS)
    (tmp_path / "above.toml").write_text("extends = 'own.toml'\nembedder.side = 1")
    with pytest.raises(PresetInvalid, match=r"above\.toml: \[embedder\] side is 1: .* 8 or more"):
        load_preset(str(tmp_path / "above.toml"))


def test_a_preset_made_otherwise_is_checked_when_it_is_built() -> None:
    preset = replace(load_preset("colours"), embedder={"kind": "colour-words", "side": "wide"})
    with pytest.raises(PresetInvalid, match=r"colours\.toml: \[embedder\] side is 'wide'"):
        preset.build()


def test_what_a_kind_needs_beside_settings_is_told(tmp_path: Path) -> None:
    sam = COLOURS.replace("colour-regions", "sam")
    with pytest.raises(PresetInvalid, match=r"no weights for 'masks'.*add \[weights\.masks\]"):
        load_preset(written(tmp_path, sam)).build_segmenter()
    with pytest.raises(PresetInvalid, match=r"own\.toml: dimension is 31: give 32"):
        load_preset(
            written(tmp_path, COLOURS.replace("dimension = 32", "dimension = 31"))
        ).build_embedder()


def test_the_fingerprint_tells_settings_apart_and_the_space_only_the_embedder_s(
    tmp_path: Path,
) -> None:
    bundled = load_preset("colours")
    other = load_preset(written(tmp_path, COLOURS.replace("[embedder]", "side = 96\n[embedder]")))
    assert bundled.fingerprint != other.fingerprint
    assert bundled.space == other.space
    sharper = load_preset(written(tmp_path, COLOURS + "side = 96\n"))
    assert sharper.space != bundled.space


def test_what_an_own_architecture_says_decides_and_not_where_it_lies(tmp_path: Path) -> None:
    def space(file: Path, says: str) -> EmbeddingSpace:
        file.write_text(says)
        bundled = load_preset("base")
        return replace(bundled, embedder={**bundled.embedder, "architecture": str(file)}).space

    first = space(tmp_path / "clip.json", '{"embed_dim": 32}')
    assert space(tmp_path / "moved.json", '{"embed_dim": 32}') == first
    assert space(tmp_path / "clip.json", '{"embed_dim": 32, "quick_gelu": true}') != first
    (tmp_path / "clip.json").unlink()
    lost = load_preset("base")
    lost = replace(lost, embedder={**lost.embedder, "architecture": str(tmp_path / "clip.json")})
    assert lost.space != first  # who builds it is told


def test_a_preset_that_extends_another_says_only_what_is_different(tmp_path: Path) -> None:
    own = load_preset(written(tmp_path, "extends = 'colours'\nimage_side = 99\nname = 'own'"))
    assert (own.image_side, own.name) == (99, "own")
    assert own.embedder == load_preset("colours").embedder
    (tmp_path / "head.bin").write_bytes(b"numbers")
    (tmp_path / "above.toml").write_text(
        "extends = 'own.toml'\nembedder.side = 96\n"
        "[weights.head]\nfile = 'head.bin'\nlicence = 'MIT'"
    )
    above = load_preset(str(tmp_path / "above.toml"))
    assert above.embedder == {"kind": "colour-words", "side": 96}
    assert above.weights["head"].checked_path() == tmp_path / "head.bin"
    assert (above.image_side, above.source.name) == (99, "above.toml")


def test_another_kind_does_not_inherit_settings(tmp_path: Path) -> None:
    first = written(tmp_path, COLOURS + "side = 96\n")
    (tmp_path / "above.toml").write_text(f"extends = '{first}'\nembedder.kind = 'universal'")
    assert load_preset(str(tmp_path / "above.toml")).embedder == {"kind": "universal"}


def test_a_preset_may_not_extend_itself(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text("extends = 'two.toml'")
    (tmp_path / "two.toml").write_text("extends = 'one.toml'")
    with pytest.raises(PresetInvalid, match="extends itself"):
        load_preset(str(tmp_path / "one.toml"))


def test_a_head_of_ones_own_makes_a_space_of_its_own_without_the_calibration(
    tmp_path: Path,
) -> None:
    bundled = load_preset("nano")
    head = tmp_path / "my+head.safetensors"
    head.write_bytes(b"other numbers")
    own = load_preset(f"nano+{head}")
    assert own.space != bundled.space
    assert own.weights["head"].path() == head
    assert bundled.calibration() is not None
    assert own.calibration() is None
    assert load_preset(own.reference) == own
    head.write_bytes(b"again other numbers")
    assert load_preset(own.reference).space != own.space
    with pytest.raises(WeightsMissing, match="no head"):
        load_preset(f"nano+{tmp_path}/none.safetensors")


def test_a_preset_s_reference_finds_it_again(tmp_path: Path) -> None:
    assert load_preset("nano").reference == "nano"
    text = "extends = 'colours'\nname = 'own'"
    (tmp_path / "a+b.safetensors").mkdir()
    own = load_preset(written(tmp_path / "a+b.safetensors", text))
    assert load_preset(own.reference) == own
    (tmp_path / "x.safetensors").write_bytes(b"")
    headed = load_preset(f"{own.source}+{tmp_path}/x.safetensors")
    assert load_preset(headed.reference) == headed
    assert headed.source == own.source
