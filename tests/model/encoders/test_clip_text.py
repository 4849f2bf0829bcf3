from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close
from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES
from torch.nn import functional

from model.embedders.text_cache import RememberedTexts
from model.encoders.clip_text import ClipText, imagenet_templates
from model.encoders.clip_weights import ClipNetwork, load_clip

# two layers of width 32, a sentence's tokens and projection, and the mean of 80 templates
TERMS = 2 * (4 * 32 + 4 * 32 + 77) + 32 + 80
PHRASES = ("dog", "a red umbrella in the rain", "Zürich", "")


@pytest.fixture(scope="module")
def clip(tiny_towers: Path) -> ClipNetwork:
    return load_clip(tiny_towers / "clip.safetensors", str(tiny_towers / "clip.json"))


def test_the_templates_are_the_published_ones() -> None:
    filled = [template.replace("{}", "dog") for template in imagenet_templates()]
    assert filled == [template("dog") for template in OPENAI_IMAGENET_TEMPLATES]


@torch.inference_mode()
def test_a_phrase_is_the_mean_of_open_clip_s_sentences(clip: ClipNetwork) -> None:
    found = ClipText(clip).encode(PHRASES)
    for phrase, vector in zip(PHRASES, found, strict=True):
        tokens = clip.tokenizer([template(phrase) for template in OPENAI_IMAGENET_TEMPLATES])
        each = functional.normalize(clip.network.encode_text(tokens), dim=1)
        expected = functional.normalize(each.mean(dim=0), dim=0)
        assert_close(vector, expected, TERMS, scale=1)


def test_any_text_has_a_vector(clip: ClipNetwork) -> None:
    odd = ["long " * 5000, "\ud800", "{} {}", "<end_of_text> dog", "\n"]
    assert np.isfinite(ClipText(clip, ["a {}."]).encode(odd)).all()


@torch.inference_mode()
def test_a_text_side_that_is_not_causal_is_given_all_places(clip: ClipNetwork) -> None:
    class Wrapped:
        def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
            seen.append(tokens.shape)
            encoded: torch.Tensor = clip.network.encode_text(tokens)
            return encoded

    seen: list[torch.Size] = []
    wrapped = ClipNetwork(
        Wrapped(), clip.tokenizer, clip.mean, clip.deviation, clip.device, clip.dtype
    )
    found = ClipText(wrapped, ["a {}."]).encode(["dog", "cat"])
    assert seen == [(2, 77)]
    assert_close(found, ClipText(clip, ["a {}."]).encode(["dog", "cat"]), TERMS, scale=1)


def test_texts_are_encoded_once_and_only_so_many_are_kept() -> None:
    asked: list[list[str]] = []

    def encode(texts: object) -> np.ndarray:
        asked.append(list(texts))  # type: ignore[call-overload]
        return np.array([[len(text)] for text in asked[-1]], np.float32)

    remembered = RememberedTexts(encode, most=2)
    assert remembered(["a", "bb", "a"]).tolist() == [[1], [2], [1]]
    assert remembered(["bb", "ccc"]).tolist() == [[2], [3]]
    assert remembered(["bb", "a"]).tolist() == [[2], [1]]
    assert asked == [["a", "bb"], ["ccc"], ["a"]]
