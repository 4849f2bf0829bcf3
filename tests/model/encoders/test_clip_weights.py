import copy
import json
import pickle
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from closeness import assert_close, terms_of
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

from model.encoders.clip_weights import SIDES, load_clip
from model.errors import PresetInvalid, WeightsMismatch


def reference(folder: Path, **changes: object) -> torch.nn.Module:
    """open_clip's own network with the same weights."""
    shape = json.loads((folder / "clip.json").read_text()) | changes
    network = open_clip.CLIP(**shape)
    network.load_state_dict(load_file(folder / "clip.safetensors"))
    return network.eval()


def assert_same_side(network: Any, whole: Any, side: str, taken: torch.Tensor) -> None:
    """One side of both networks says the same, but for rounding: float layouts may differ."""
    part = whole.visual if side == "image" else whole.transformer
    for dtype in (torch.float32, torch.float64):
        one, other = (copy.deepcopy(each).to(dtype) for each in (network, whole))
        typed = taken.to(dtype) if taken.is_floating_point() else taken
        said, expected = (getattr(each, f"encode_{side}")(typed) for each in (one, other))
        assert_close(said, expected, terms_of(part))


def test_the_network_is_open_clip_s(tiny_towers: Path) -> None:
    clip = load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))
    expected = reference(tiny_towers)
    pixels, tokens = torch.randn(2, 3, 32, 32), clip.tokenizer(["a dog", "two red cars"])
    with torch.no_grad():
        assert_same_side(clip.network, expected, "image", pixels)
        assert_same_side(clip.network, expected, "text", tokens)
    assert not any(value.requires_grad for value in clip.network.parameters())


def test_a_pickled_checkpoint_is_read(tiny_towers: Path, tmp_path: Path) -> None:
    tensors = load_file(tiny_towers / "clip.safetensors")
    torch.save({"state_dict": {f"module.{k}": v for k, v in tensors.items()}}, tmp_path / "clip.pt")
    clip = load_clip(tmp_path / "clip.pt", str(tiny_towers / "clip.json"), dtype=torch.bfloat16)
    assert clip.network.visual.proj.dtype == torch.bfloat16
    assert torch.equal(clip.network.visual.proj, tensors["visual.proj"].bfloat16())


def file_of_kind(kind: str, tensors: dict[str, torch.Tensor], folder: Path) -> Path:
    if kind == "safetensors":
        path = folder / "made.safetensors"
        save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    else:
        path = folder / "made.pt"
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "pickle")
    return path


@pytest.mark.parametrize("kind", ["safetensors", "pickle", "old pickle"])
def test_a_side_alone_is_that_of_the_whole_network(
    kind: str, tiny_towers: Path, tmp_path: Path
) -> None:
    """Whatever the file holds of the other side: here what fits no network."""
    tensors = load_file(tiny_towers / "clip.safetensors")
    architecture = str(tiny_towers / "clip.json")
    whole = reference(tiny_towers)
    pixels, words = torch.randn(2, 3, 32, 32), ["a dog", "two red cars"]
    odd = {n: torch.zeros(1) if n.startswith("visual.") else v for n, v in tensors.items()}
    text = load_clip(file_of_kind(kind, odd, tmp_path), architecture, sides=("text",))
    with torch.no_grad():
        tokens = text.tokenizer(words)
        assert_same_side(text.network, whole, "text", tokens)
    assert not hasattr(text.network, "visual")
    odd = {n: v if n.startswith("visual.") else torch.zeros(1) for n, v in tensors.items()}
    image = load_clip(file_of_kind(kind, odd, tmp_path), architecture, sides=("image",))
    with torch.no_grad():
        assert_same_side(image.network, whole, "image", pixels)
    assert not hasattr(image.network, "transformer")
    assert image.tokenizer is None
    del tensors["visual.proj"], tensors["ln_final.bias"]
    partial = file_of_kind(kind, tensors, tmp_path)
    for side in SIDES:  # what is asked for must be there, all of it
        with pytest.raises(WeightsMismatch, match="made"):
            load_clip(partial, architecture, sides=(side,))


def test_old_tensors_fit_a_text_side_of_its_own(tiny_towers: Path, tmp_path: Path) -> None:
    shape = json.loads((tiny_towers / "clip.json").read_text())
    (tmp_path / "custom.json").write_text(json.dumps(shape | {"custom_text": True}))
    weights = tiny_towers / "clip.safetensors"
    clip = load_clip(weights, str(tmp_path / "custom.json"), sides=("text",))
    tokens = clip.tokenizer(["a dog"])
    with torch.no_grad():
        assert_same_side(clip.network, reference(tiny_towers), "text", tokens)


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_what_holds_no_weights_is_refused_and_nothing_in_it_is_run(
    tiny_towers: Path, tmp_path: Path
) -> None:
    trap = pickle.dumps({"state_dict": Trap(tmp_path / "sprung")})
    for content in (b"", b"no weights", trap):
        (tmp_path / "clip.pt").write_bytes(content)
        with pytest.raises(WeightsMismatch, match=r"clip\.pt"):
            load_clip(tmp_path / "clip.pt", str(tiny_towers / "clip.json"))
    assert not (tmp_path / "sprung").exists()


def test_weights_of_another_architecture_are_refused(tiny_towers: Path) -> None:
    with pytest.raises(WeightsMismatch, match="ViT-B-16"):
        load_clip(tiny_towers / "clip.safetensors", "ViT-B-16")


def test_what_open_clip_does_not_know_is_told(tiny_towers: Path, tmp_path: Path) -> None:
    weights = tiny_towers / "clip.safetensors"
    with pytest.raises(PresetInvalid, match="ViT-Z"):
        load_clip(weights, "ViT-Z")
    with pytest.raises(PresetInvalid, match=r"laion2b_s34b_b88k"):
        load_clip(weights, "ViT-B-16", "nobody")
    (tmp_path / "odd.json").write_text('{"embed_dim": 8, "towers": 3}')
    for name in ("odd.json", "missing.json"):
        with pytest.raises(PresetInvalid):
            load_clip(weights, str(tmp_path / name))


def test_a_tag_tells_of_quick_gelu_and_of_the_input(
    tiny_towers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = json.loads((tiny_towers / "clip.json").read_text())
    facts = {"quick_gelu": True, "mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2)}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", shape)
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny", {"openai": facts})
    clip = load_clip(tiny_towers / "clip.safetensors", "tiny", "openai")
    assert (clip.mean, clip.deviation) == ((0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    pixels = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        seen = clip.network.encode_image(pixels)
        quick, exact = (
            reference(tiny_towers, quick_gelu=quick).encode_image(pixels) for quick in (True, False)
        )
    assert_close(seen, quick, terms_of(clip.network.visual))
    assert not torch.allclose(seen, exact, atol=1e-3)


def test_the_published_tags_say_what_they_need() -> None:
    assert open_clip.get_pretrained_cfg("ViT-B-16", "openai")["quick_gelu"]
    assert not open_clip.get_pretrained_cfg("ViT-B-16", "laion2b_s34b_b88k").get("quick_gelu")


def test_a_tokenizer_of_transformers_is_read_from_its_folder(
    tiny_towers: Path, tmp_path: Path
) -> None:
    words = {"[PAD]": 0, "[UNK]": 1, "red": 2, "car": 3}
    plain = Tokenizer(WordLevel(words, unk_token="[UNK]"))
    plain.pre_tokenizer = Whitespace()
    made = PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="[PAD]", unk_token="[UNK]")
    made.save_pretrained(tmp_path)
    shape = json.loads((tiny_towers / "clip.json").read_text())
    shape["text_cfg"] |= {"hf_tokenizer_name": "somebody/siglip", "context_length": 77}
    (tmp_path / "siglip.json").write_text(json.dumps(shape))
    weights, architecture = tiny_towers / "clip.safetensors", str(tmp_path / "siglip.json")
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        tokens = load_clip(weights, architecture, tokenizer=path).tokenizer(["red car", "red dog"])
        assert tokens.shape == (2, 77)
        assert tokens[:, :3].tolist() == [[2, 3, 0], [2, 1, 0]]


def test_a_tokenizer_that_is_needed_is_asked_for(tiny_towers: Path, tmp_path: Path) -> None:
    shape = json.loads((tiny_towers / "clip.json").read_text())
    shape["text_cfg"]["hf_tokenizer_name"] = "somebody/siglip"
    (tmp_path / "siglip.json").write_text(json.dumps(shape))
    weights, architecture = tiny_towers / "clip.safetensors", str(tmp_path / "siglip.json")
    with pytest.raises(PresetInvalid, match="somebody/siglip"):
        load_clip(weights, architecture)
    with pytest.raises(WeightsMismatch, match="no tokenizer"):
        load_clip(weights, architecture, tokenizer=tmp_path)
