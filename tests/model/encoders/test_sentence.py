import json
from pathlib import Path

import pytest
import torch
from closeness import assert_close, assert_unit
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from model.encoders.sentence import BUNDLED, BUNDLED_TOKENIZER, MAX_TOKENS, SentenceEncoder
from model.errors import WeightsMismatch
from model.training.bundle_towers import SENTENCE_FILE, SENTENCE_PACKAGE, published_file

# a tower of 6 layers, 384 wide, over as many tokens as it takes
TERMS = 6 * (4 * 384 + 4 * 384 + MAX_TOKENS) + MAX_TOKENS


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


def test_the_tower_equals_the_published_one(encoder: SentenceEncoder) -> None:
    from tokenizers import Tokenizer
    from transformers.models.bert.configuration_bert import BertConfig
    from transformers.models.bert.modeling_bert import BertModel

    folder = published_file(SENTENCE_PACKAGE, SENTENCE_FILE).parent
    reference = BertModel.from_pretrained(folder, config=BertConfig.from_pretrained(folder)).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    texts = ["red car door", "Fenster", "", "🦒", "a dog " * 30]
    vectors = encoder.encode(texts)
    for text, vector in zip(texts, vectors, strict=True):
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.inference_mode():
            mean = reference(ids).last_hidden_state[0].mean(dim=0)
        assert vector @ (mean / mean.norm()).numpy() > 0.995  # eight-bit weights


def test_meaning_is_near(encoder: SentenceEncoder) -> None:
    sofa, couch, giraffe = encoder.encode(["sofa", "couch", "giraffe"])
    assert sofa @ couch > 0.8 > 0.5 > sofa @ giraffe


@pytest.mark.parametrize(
    "text", ["", " \n\t", "犬と猫", "🦒🦒", "\x00\udcff", "x" * 1_000_000, "word " * 10_000]
)
def test_any_text_has_a_unit_vector(encoder: SentenceEncoder, text: str) -> None:
    vectors = encoder.encode([text, "a dog"])
    assert_unit(vectors)
    (alone,) = encoder.encode(["a dog"])
    assert_close(vectors[1], alone, TERMS, scale=1)


def test_of_a_long_text_the_beginning_counts(encoder: SentenceEncoder) -> None:
    long = "dog " * (MAX_TOKENS + 10)
    one, other = encoder.encode([long, long + "giraffe " * 500])
    assert_close(one, other, TERMS, scale=1)


def test_no_texts_give_no_vectors(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_files_that_do_not_belong_together_are_told(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.safetensors"
    with safe_open(BUNDLED, framework="pt") as file:
        shape = json.loads(file.metadata()["config"]) | {"hidden_size": 192}
    save_file(load_file(BUNDLED), wrong, metadata={"config": json.dumps(shape)})
    for weights, tokenizer in (
        (wrong, BUNDLED_TOKENIZER),
        (tmp_path / "missing.safetensors", BUNDLED_TOKENIZER),
        (BUNDLED, tmp_path / "missing.json"),
        (BUNDLED, BUNDLED),
    ):
        with pytest.raises(WeightsMismatch, match=r"sentence tower|no tokenizer"):
            SentenceEncoder(weights, tokenizer)


def test_the_vector_is_the_mean_of_the_tokens_that_are_seen(encoder: SentenceEncoder) -> None:
    texts = ["red car door", "a dog runs through the tall grass", ""]
    states, seen = encoder.tokens(texts)
    assert seen.sum(dim=1).tolist() == [5, 9, 2]
    for row, vector in enumerate(encoder.encode(texts)):
        mean = states[row, seen[row]].mean(dim=0)
        assert_close((mean / mean.norm()).numpy(), vector, TERMS)
