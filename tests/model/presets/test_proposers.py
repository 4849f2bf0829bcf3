from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_hosts import tiny_host

from model import Image, load_preset
from model.errors import PresetInvalid, WeightsMismatch, WeightsMissing
from model.masks.segments import Segments
from model.presets.preset import Preset
from model.presets.proposers import PROPOSERS
from model.proposals.candidates import CandidateProposer
from model.proposals.host_proposer import HostProposer, save_gates
from model.proposals.proposer import Proposer
from model.proposals.query_host import QueryHost


def own(tmp_path: Path, proposer: str) -> Preset:
    file = tmp_path / "own.toml"
    file.write_text(f"extends = 'colours'\nname = 'own'\n{proposer}")
    return load_preset(str(file))


def built(preset: Preset) -> Proposer:
    return preset.build_proposer(preset.build())


def test_masks_that_indexing_dropped_are_proposed_unless_a_preset_says_otherwise(
    tmp_path: Path,
) -> None:
    assert isinstance(built(load_preset("colours")), CandidateProposer)
    deeper = own(tmp_path, "proposer = {kind = 'candidates', depth = 7}")
    assert built(deeper).fingerprint != built(load_preset("colours")).fingerprint


def test_who_proposes_does_not_decide_what_is_indexed(tmp_path: Path) -> None:
    other = own(tmp_path, "proposer = {kind = 'sam3'}\nweights.proposer = {file = 'sam3'}")
    bundled = load_preset("colours")
    assert other.fingerprint == own(tmp_path, "").fingerprint
    assert other.proposer["kind"] == "sam3" != bundled.proposer["kind"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("proposer = {kind = 'oracle'}", r"\[proposer\] kind is 'oracle': .*candidates"),
        ("proposer = {kind = 'candidates', depth = 0}", r"depth is 0"),
        ("proposer = {kind = 'sam3', least = 2}", r"least is 2: .* from 0 to 1"),
        ("proposer = 'sam3'", r"proposer"),
    ],
)
def test_wrong_settings_are_told(tmp_path: Path, said: str, told: str) -> None:
    with pytest.raises(PresetInvalid, match=told):
        own(tmp_path, said)


@pytest.mark.parametrize("kind", [kind for kind in PROPOSERS if kind != "candidates"])
def test_a_published_model_must_be_named_and_be_one(tmp_path: Path, kind: str) -> None:
    with pytest.raises(PresetInvalid, match=r"no weights for '(proposer|gates)'"):
        built(own(tmp_path, f"proposer = {{kind = '{kind}'}}"))
    (tmp_path / "gates").touch()
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    weights = "weights.proposer = {file = 'published/config.json'}\nweights.gates.file = 'gates'"
    with pytest.raises((WeightsMissing, WeightsMismatch), match="published"):
        built(own(tmp_path, f"proposer = {{kind = '{kind}'}}\n{weights}"))


@pytest.mark.parametrize("kind", ["mask2former", "maskformer"])
def test_a_host_for_words_is_named_by_its_folder_and_its_gates(tmp_path: Path, kind: str) -> None:
    host: Any = tiny_host(kind)
    host.save_pretrained(tmp_path / "host")
    trained = QueryHost(host, 384)
    save_gates(trained, tmp_path / "gates.safetensors")
    proposer = built(
        own(
            tmp_path,
            "proposer = {kind = 'query-host', side = 64}\n"
            "weights.proposer = {file = 'host/config.json'}\n"
            "weights.gates = {file = 'gates.safetensors'}",
        )
    )
    assert isinstance(proposer, HostProposer)
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    found = proposer.propose(Image(pixels, (48, 64)), "red door", Segments.empty((30, 40)), 3)
    assert found.size == (30, 40)
    assert 0 < len(found) <= 3
