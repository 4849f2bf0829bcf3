import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from model.datasets.corpus import partly_annotated
from model.datasets.ground_truth import Region, TruePhoto
from model.encoders.sentence import SentenceEncoder
from model.training.photo_phrases.phrases import Phrases, PromptShares


@pytest.fixture(scope="module")
def sentences() -> SentenceEncoder:
    return SentenceEncoder()


def photo(source: str, *names: str) -> TruePhoto:
    regions = tuple(Region(name.encode(), (name,), "object", None) for name in names)
    return TruePhoto(source, Path("a.png"), (4, 4), regions, ())


def drawn(phrases: Phrases, of: TruePhoto, shares: PromptShares) -> Iterator[tuple[str, list]]:
    chance = random.Random(0)
    return (phrases.asked(of, shares, chance) for _ in range(400))


def test_prompts_are_drawn_by_their_shares(sentences: SentenceEncoder) -> None:
    photos = [photo("all", "dog", "cat", "dog"), photo("all", "bus")]
    phrases = Phrases(photos, sentences, [])
    kinds: Counter[str] = Counter()
    meant = {"": ["cat", "dog", "dog"], "bus": [], "dog": ["dog", "dog"], "cat": ["cat"]}
    for text, regions in drawn(phrases, photos[0], PromptShares(0.1, 0.25)):
        kinds[text] += 1
        assert sorted(region.phrases[0] for region in regions) == meant[text]
    assert set(kinds) == set(meant)
    assert kinds[""] / 400 == pytest.approx(0.1, abs=0.05)
    assert kinds["bus"] / 400 == pytest.approx(0.25, abs=0.07)


def test_what_a_source_may_have_left_out_is_never_called_absent(sentences: SentenceEncoder) -> None:
    assert partly_annotated("voc_cosegmentation")
    photos = [
        photo("voc_cosegmentation", "dog"),
        photo("voc_cosegmentation", "bus"),
        photo("other", "kite"),
    ]
    phrases = Phrases(photos, sentences, [])
    texts = {text for text, _ in drawn(phrases, photos[0], PromptShares(0.0, 1.0))}
    assert texts == {"dog"}


def test_an_unseen_phrase_is_asked_for_neither_as_shown_nor_as_absent(
    sentences: SentenceEncoder,
) -> None:
    photos = [photo("all", "dog", "red car"), photo("all", "cars", "bus")]
    phrases = Phrases(photos, sentences, ["car"])
    texts = {text for text, _ in drawn(phrases, photos[0], PromptShares(0.1, 0.4))}
    assert texts == {"", "dog", "bus"}


def test_tokens_are_padded_and_an_empty_prompt_has_none(sentences: SentenceEncoder) -> None:
    tokens = Phrases([], sentences, []).tokens(["dog", "", "a very old red door"])
    assert tokens.vectors.shape[:2] == tokens.seen.shape
    lengths = tokens.seen.sum(dim=1).tolist()
    assert lengths[1] == 0 < lengths[0] < lengths[2]
    alone = Phrases([], sentences, []).tokens(["dog"])
    assert torch.equal(tokens.vectors[0, : lengths[0]], alone.vectors[0])
