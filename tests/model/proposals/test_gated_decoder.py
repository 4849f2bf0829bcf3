from pathlib import Path

import pytest
import torch
from closeness import assert_close, terms_of
from torch import Tensor, nn

from model.encoders.efficientnet import EfficientNetTrunk
from model.errors import WeightsMismatch
from model.proposals.gated_decoder import GatedDecoder, GatedShape
from model.proposals.prompt_proposer import word_guided
from model.proposals.prompt_tokens import PromptTokens
from model.proposals.seen_photo import SeenPhotos
from model.proposals.word_prompts import WordPrompts, WordPromptsShape, drawn
from model.segmenters.promptable.network import PromptedSam, PromptedShape

SHAPE = GatedShape(queries=3, width=32, text=12, deep=6, heads=2)
PROMPTS = torch.tensor([0, 0, 0, 1, 1, 1])
QUERIES = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.fixture(scope="module")
def promptable() -> PromptedSam:
    torch.manual_seed(0)
    shape = PromptedShape(32, 2, 32, 16, 16, 16, (1, 1, 1), 4)
    network = PromptedSam(EfficientNetTrunk.shared(), shape, 96)
    return network.eval().requires_grad_(False)


def photos() -> SeenPhotos:
    chance = torch.Generator().manual_seed(1)
    embedding = torch.randn(2, 128, 6, 6, generator=chance)
    return SeenPhotos(embedding, torch.randn(2, 6, 3, 3, generator=chance))


def prompt(lengths: list[int]) -> PromptTokens:
    vectors = torch.randn(len(lengths), 4, 12, generator=torch.Generator().manual_seed(2))
    return PromptTokens(vectors, torch.arange(4) < torch.tensor(lengths)[:, None])


def network(opened: float = 0.0) -> GatedDecoder:
    torch.manual_seed(0)
    made = GatedDecoder(SHAPE).eval()
    with torch.no_grad():
        made.ties.normal_()  # as trained ones are not zero
        for gate in made.gates:
            gate.get_parameter("gate").fill_(opened)
    return made


def masks(made: GatedDecoder, host: PromptedSam, words: PromptTokens) -> Tensor:
    return made.answered(host, photos(), words)[1](PROMPTS, QUERIES)[0]


@torch.no_grad()
def own_masks(made: GatedDecoder, host: PromptedSam) -> tuple[Tensor, Tensor]:
    """What the decoder draws for the queries' boxes and what is added to them, without words."""
    (answer,), _ = made.answered(host, photos(), prompt([0, 0]))
    boxes, tokens = answer.boxes.flatten(0, 1), answer.tokens.flatten(0, 1)
    return drawn(host, photos().embedding[PROMPTS], boxes, tokens)


@pytest.mark.numeric
@torch.no_grad()
def test_closed_gates_leave_the_decoders_own_masks(promptable: PromptedSam) -> None:
    made = network()
    (answer,), draw = made.answered(promptable, photos(), prompt([4, 2]))
    assert answer.shows.shape == (2, 3)
    assert answer.coarse.shape == (2, 3, 6, 6)
    terms = terms_of(promptable.mask_decoder)
    for found, own in zip(draw(PROMPTS, QUERIES), own_masks(made, promptable), strict=True):
        assert_close(found, own, terms)
    pooled = nn.functional.avg_pool2d(draw(PROMPTS, QUERIES)[0], 4)
    assert torch.equal(answer.coarse.flatten(0, 1), pooled)


@torch.no_grad()
def test_an_open_gate_lets_words_change_the_masks_of_their_photo(promptable: PromptedSam) -> None:
    made = network(0.7)
    one, other = (masks(made, promptable, prompt(words)) for words in ([4, 4], [1, 4]))
    assert not torch.equal(one[:3], other[:3])
    assert torch.equal(one[3:], other[3:])
    own, _ = own_masks(network(), promptable)  # nothing of a look is left in the decoder
    assert torch.equal(own, own_masks(made, promptable)[0])


@pytest.mark.numeric
@torch.no_grad()
def test_an_empty_prompt_leaves_the_decoders_own_masks_beside_others(
    promptable: PromptedSam,
) -> None:
    made = network(0.7)
    mixed, (own, _) = masks(made, promptable, prompt([0, 3])), own_masks(made, promptable)
    assert_close(mixed[:3], own[:3], terms_of(promptable.mask_decoder))
    assert float((mixed[3:] - own[3:]).abs().max()) > 0.01 * float(own.abs().max())


@pytest.mark.numeric
@torch.no_grad()
def test_gates_stand_behind_the_attention_to_the_photo_and_its_norm_in_float64(
    promptable: PromptedSam,
) -> None:
    transformer = promptable.mask_decoder.transformer
    made, words = network(0.7).double(), prompt([3])
    words = PromptTokens(words.vectors.double(), words.seen)
    chance = torch.Generator().manual_seed(3)
    tokens = torch.randn(3, 7, 32, generator=chance, dtype=torch.float64)
    cells, places = torch.randn(2, 3, 32, 2, 2, generator=chance, dtype=torch.float64)
    transformer.double()
    try:
        with made._inside(transformer, words) as said:
            found, seen = transformer(cells, places, tokens)
        queries, keys, where = tokens, *(each.flatten(2).mT for each in (cells, places))
        for number, (block, gate) in enumerate(zip(transformer.layers, made.gates, strict=True)):
            asked = queries + (tokens if number else 0)
            heard = block.self_attn(asked, asked, queries)
            queries = block.norm1(queries + heard if number else heard)
            heard = block.cross_attn_token_to_image(queries + tokens, keys + where, keys)
            queries = block.norm2(queries + heard)
            queries = torch.cat([gate(each[None], words) for each in queries])
            queries = block.norm3(queries + block.mlp(queries))
            heard = block.cross_attn_image_to_token(keys + where, queries + tokens, queries)
            keys = block.norm4(keys + heard)
        heard = transformer.final_attn_token_to_image(queries + tokens, keys + where, keys)
        expected = transformer.norm_final_attn(queries + heard)
    finally:
        transformer.float()
    assert_close(found, expected, terms_of(transformer), "float64")
    assert_close(seen, keys, terms_of(transformer), "float64")
    assert torch.equal(said[0], found)


def test_all_but_the_decoder_learns(promptable: PromptedSam) -> None:
    made = network(0.1)
    (answer,), draw = made.answered(promptable, photos(), prompt([4, 3]))
    answer.shows.mean().backward(retain_graph=True)  # type: ignore[no-untyped-call]
    for gate in made.gates:
        heard = gate.get_parameter("gate").grad
        assert heard is not None
        assert heard != 0
    draw(PROMPTS, QUERIES)[0].square().mean().backward()  # type: ignore[no-untyped-call]
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert all(each.grad is None for each in promptable.parameters())


def test_weights_of_either_form_are_told_apart(tmp_path: Path) -> None:
    network(0.7).save(tmp_path / "gates.safetensors")
    read = word_guided(tmp_path / "gates.safetensors")
    assert isinstance(read, GatedDecoder)
    assert read.shape == SHAPE
    for name, value in network(0.7).state_dict().items():
        assert_close(read.state_dict()[name], value, 1, "float16")
    shape = WordPromptsShape(queries=3, width=16, text=12, deep=6, heads=2, mlp=16, layers=1)
    WordPrompts(shape).save(tmp_path / "words.safetensors")
    assert isinstance(word_guided(tmp_path / "words.safetensors"), WordPrompts)
    with pytest.raises(WeightsMismatch, match="gated decoder"):
        GatedDecoder.load(tmp_path / "words.safetensors")
