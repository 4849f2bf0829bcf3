from pathlib import Path

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of

from model.encoders.efficientnet import EfficientNetTrunk
from model.encoders.sentence import SentenceEncoder
from model.errors import WeightsMismatch
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import FOLDER
from model.proposals.gated_decoder import GatedDecoder, GatedShape
from model.proposals.prompt_proposer import WordPromptProposer
from model.proposals.prompt_tokens import PromptTokens, prompt_tokens
from model.proposals.seen_photo import SeenPhotos, seen_photos
from model.proposals.word_guided import WordGuided
from model.proposals.word_prompts import WordPrompts, WordPromptsShape, drawn
from model.segmenters.promptable.frame import framed
from model.segmenters.promptable.network import PromptedSam, PromptedShape

PROMPTS = FOLDER / "nano" / "prompts.safetensors"
SHAPE = WordPromptsShape(queries=5, width=16, text=12, deep=6, heads=2, mlp=16, layers=2)


def network() -> WordPrompts:
    torch.manual_seed(0)
    return WordPrompts(SHAPE).eval()


def photos(count: int = 2) -> tuple[SeenPhotos, torch.Tensor]:
    chance = torch.Generator().manual_seed(1)
    embedding = torch.randn(count, 64, 6, 6, generator=chance)
    deep = torch.randn(count, 6, 3, 3, generator=chance)
    return SeenPhotos(embedding, deep), torch.randn(1, 16, 6, 6, generator=chance)


def prompt(lengths: list[int]) -> PromptTokens:
    vectors = torch.randn(len(lengths), 4, 12, generator=torch.Generator().manual_seed(2))
    return PromptTokens(vectors, torch.arange(4) < torch.tensor(lengths)[:, None])


@torch.no_grad()
def test_every_look_answers_in_shape_and_boxes_lie_in_the_frame() -> None:
    answers = network()(*photos(), prompt([4, 0]))
    assert len(answers) == SHAPE.layers
    for answer in answers:
        assert answer.shows.shape == (2, 5)
        assert answer.coarse.shape == (2, 5, 6, 6)
        assert answer.tokens.shape == (2, 5, 2, 16)
        assert answer.boxes.shape == (2, 5, 4)
        assert (answer.boxes >= 0).all()
        assert (answer.boxes <= 1).all()
        assert (answer.boxes[..., 2:] > answer.boxes[..., :2]).all()
        assert answer.shows.isfinite().all()


@torch.no_grad()
def test_words_decide_and_padding_does_not() -> None:
    seen, places = photos(1)
    said = prompt([2])
    first = network()(seen, places, said)[-1].shows
    longer = network()(seen, places, PromptTokens(said.vectors, torch.ones(1, 4).bool()))[-1].shows
    assert not torch.equal(first, longer)
    noise = said.vectors.clone()
    noise[:, 2:] = 9.0
    assert torch.equal(network()(seen, places, PromptTokens(noise, said.seen))[-1].shows, first)


@pytest.mark.numeric
@torch.no_grad()
def test_a_box_without_added_tokens_is_the_predictors_own_box() -> None:
    torch.manual_seed(0)
    shape = PromptedShape(32, 2, 32, 16, 16, 16, (1, 1, 1), 4)
    promptable = PromptedSam(EfficientNetTrunk.shared(), shape, 96).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)
    embedding = seen_photos(promptable, framed(pixels, 96)[None]).embedding
    assert torch.equal(embedding, promptable.image_encoder(framed(pixels, 96)[None]))
    box = torch.tensor([[0.25, 0.125, 0.75, 0.5]])
    masks, quality = drawn(promptable, embedding, box, torch.zeros(1, 2, 32))
    sparse, dense = promptable.prompt_encoder(None, box * 96 - 0.5, None)
    expected, sure = promptable.mask_decoder(
        embedding, promptable.prompt_encoder.get_dense_pe(), sparse, dense, False
    )
    terms = terms_of(promptable.mask_decoder)
    assert_close(masks, expected[:, 0], terms)
    assert_close(quality, sure[:, 0], terms)


def test_weights_are_written_and_read(tmp_path: Path) -> None:
    network().save(tmp_path / "words.safetensors")
    read = WordPrompts.load(tmp_path / "words.safetensors")
    assert read.shape == SHAPE
    for name, value in network().state_dict().items():
        assert_close(read.state_dict()[name], value, 1, "float16")
    with pytest.raises(WeightsMismatch, match="word prompts"):
        WordPrompts.load(PROMPTS)


@pytest.mark.parametrize("form", ["prompts", "gates"])
def test_masks_are_proposed_in_the_frame_of_the_index(tmp_path: Path, form: str) -> None:
    torch.manual_seed(0)
    made: WordGuided = GatedDecoder(GatedShape(queries=4))
    if form == "prompts":
        made = WordPrompts(WordPromptsShape(queries=4, mlp=16, layers=1))
    made.save(tmp_path / "words.safetensors")
    proposer = WordPromptProposer.load(tmp_path / "words.safetensors", PROMPTS)
    pixels = np.full((90, 120, 3), 128, np.uint8)
    pixels[20:60, 30:80] = (200, 30, 30)
    image = Image(pixels, (90, 120))
    for words in ("red square", ""):
        found = proposer.propose(image, words, Segments.empty((45, 60)), most=3)
        assert found.size == (45, 60)
        assert 0 < len(found) <= 3
    same = WordPromptProposer.load(tmp_path / "words.safetensors", PROMPTS)
    assert same.fingerprint == proposer.fingerprint


def test_an_empty_prompt_has_no_tokens() -> None:
    tokens = prompt_tokens(SentenceEncoder(), ["red door", " "])
    assert tokens.seen.any(dim=1).tolist() == [True, False]
