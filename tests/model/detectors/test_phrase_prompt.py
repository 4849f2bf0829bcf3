"""Prompts of phrases and scores of phrases, against a version that reads token by token."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_detectors import WORDS, bert_tokenizer

from model.detectors.phrase_prompt import (
    PhrasePrompt,
    batches,
    one_phrase,
    phrase_scores,
    prompts,
)

PLAIN = [word for word in WORDS if not word.startswith("##")]
phrases = st.lists(st.sampled_from([*PLAIN, "wheel"]), min_size=1, max_size=6).map(" ".join)


def naive_tokens(text: str) -> list[list[int]]:
    """Numbers of each phrase's tokens: those between two full stops."""
    names = bert_tokenizer().convert_ids_to_tokens(bert_tokenizer()(text)["input_ids"])
    found: list[list[int]] = [[]]
    for number, name in enumerate(names):
        if name == ".":
            found.append([])
        elif name not in ("[CLS]", "[SEP]"):
            found[-1].append(number)
    return found[:-1]


def read(prompt: PhrasePrompt) -> list[list[int]]:
    offsets = bert_tokenizer()(prompt.text, return_offsets_mapping=True)["offset_mapping"]
    return prompt.tokens(offsets)


def test_each_phrase_is_scored_by_its_own_tokens() -> None:
    prompt = PhrasePrompt.of(["red car", "car door"])
    assert prompt.text == "red car. car door."
    # [CLS] red car . car door . [SEP]
    logits = torch.tensor(
        [
            [9.0, 1.0, 2.0, 9.0, -1.0, 0.5, 9.0, 9.0],
            [9.0, -3.0, -2.0, 9.0, 3.0, 4.0, 9.0, 9.0],
            [-9.0, 0.0, -9.0, -9.0, -9.0, -9.0, -9.0, -9.0],
        ]
    )
    expected = torch.tensor([[2.0, -2.0, 0.0], [0.5, 4.0, -9.0]]).sigmoid()
    torch.testing.assert_close(phrase_scores(logits, read(prompt)), expected)


@given(st.lists(phrases, min_size=1, max_size=8), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_scores_are_those_of_the_naive_reading(texts: list[str], seed: int) -> None:
    prompt = PhrasePrompt.of(texts)
    tokens = naive_tokens(prompt.text)
    assert read(prompt) == tokens
    length = len(bert_tokenizer()(prompt.text)["input_ids"])
    logits = torch.randn((3, length), generator=torch.Generator().manual_seed(seed))
    scores = phrase_scores(logits, tokens)
    for own, row in zip(tokens, scores.tolist(), strict=True):
        for box, score in zip(logits.tolist(), row, strict=True):
            best = max(box[number] for number in own)
            assert score == pytest.approx(torch.tensor(best).sigmoid().item(), abs=1e-6)


@given(st.lists(phrases, max_size=8), st.integers(10, 24))
@settings(max_examples=30, deadline=None)
def test_no_prompt_is_too_long_and_no_phrase_is_cut(texts: list[str], longest: int) -> None:
    made = prompts(texts, bert_tokenizer(), longest)
    kept = [phrase for prompt in made for phrase in prompt.phrases]
    whole = [text for text in texts if len(naive_tokens(f"{text}.")[0]) + 3 <= longest]
    assert [phrase for phrase in kept if phrase in whole] == whole
    assert len(kept) == len(texts)
    for prompt in made:
        assert len(bert_tokenizer()(prompt.text)["input_ids"]) <= longest
    for prompt, following in pairwise(made):
        more = PhrasePrompt.of([*prompt.phrases, following.phrases[0]])
        assert len(bert_tokenizer()(more.text)["input_ids"]) > longest


def test_a_phrase_over_the_end_of_a_prompt_goes_to_the_next() -> None:
    made = prompts(["red car", "car door", "cat"], bert_tokenizer(), 7)
    # [CLS] red car . + car door . + [SEP] would be 8
    assert [prompt.text for prompt in made] == ["red car.", "car door. cat."]


def test_of_a_phrase_that_is_too_long_the_end_is_kept() -> None:
    (prompt,) = prompts(["photo of a red car door wheel"], bert_tokenizer(), 7)
    assert prompt.phrases == ("car door wheel",)  # "wheel" is two tokens
    assert len(bert_tokenizer()(prompt.text)["input_ids"]) == 7


def test_a_phrase_without_tokens_scores_nothing() -> None:
    scores = phrase_scores(torch.ones(2, 3), [[0], []])
    assert scores[1].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [(" A  Cat? ", "a cat"), ("St. Bernard.", "st bernard"), ("u.s.flag", "u s flag"), ("?.", "")],
)
def test_nothing_in_a_phrase_ends_it(text: str, expected: str) -> None:
    assert one_phrase(text) == expected


def test_batches_keep_the_order_and_the_room() -> None:
    assert batches([2, 3, 1, 9, 4], 5) == [[0, 1], [2], [3], [4]]
    assert batches([], 5) == []
