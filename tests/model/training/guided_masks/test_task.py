from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.datasets.ground_truth import TruePhoto, read_truth
from model.encoders.efficientnet import EfficientNetTrunk
from model.encoders.sentence import SentenceEncoder
from model.proposals.gated_decoder import GatedDecoder
from model.proposals.prompt_proposer import word_guided
from model.proposals.word_prompts import WordPrompts
from model.segmenters.promptable.network import PromptedSam, PromptedShape
from model.training.guided_masks.batches import GuidedPrompts
from model.training.guided_masks.features import PhotoFeatures
from model.training.guided_masks.task import WEIGHTS, GuidedSettings, GuidedTask
from model.training.photo_phrases.phrases import PromptShares
from model.training.recipe import load_recipe

RECIPES = Path(__file__).parents[4] / "recipes"
SETTINGS = GuidedSettings(queries=4, mlp=32, layers=2, drawn=4, focal=5.0)
SIDE = 96


@pytest.fixture(scope="module")
def promptable() -> PromptedSam:
    torch.manual_seed(0)
    shape = PromptedShape(32, 2, 32, 16, 16, 16, (1, 1, 1), 4)
    return PromptedSam(EfficientNetTrunk.shared(), shape, SIDE).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def photos(squares_corpus: Path) -> list[TruePhoto]:
    return list(read_truth(squares_corpus, "val", ["squares"]).photos)


@pytest.fixture(scope="module")
def features(
    promptable: PromptedSam, photos: list[TruePhoto], tmp_path_factory: pytest.TempPathFactory
) -> PhotoFeatures:
    trunk = EfficientNetTrunk.shared()
    kept = PhotoFeatures(tmp_path_factory.mktemp("cache"), promptable, trunk)
    told: list[str] = []
    kept.make([photo.path for photo in photos], told.append)
    assert told[-1].startswith(f"features of {len(photos)} photos")
    return kept


def task(
    promptable: PromptedSam,
    features: PhotoFeatures,
    photos: list[TruePhoto],
    settings: GuidedSettings = SETTINGS,
) -> GuidedTask:
    torch.manual_seed(0)
    return GuidedTask(settings, photos, photos, promptable, features, SentenceEncoder(), batch=3)


def taught(learner: GuidedTask, epochs: int) -> dict[str, list[float]]:
    """Terms of every step, in the order of the steps."""
    optimiser = torch.optim.AdamW(learner.network.parameters(), lr=2e-3)
    said: dict[str, list[float]] = {}
    for epoch in range(epochs):
        for batch in learner.batches(epoch):
            terms = learner.loss(batch)
            assert terms["loss"].isfinite()
            optimiser.zero_grad()
            terms["loss"].backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            for name, value in terms.items():
                said.setdefault(name, []).append(value.item())
    return said


def test_words_learn_where_their_regions_are(
    promptable: PromptedSam, features: PhotoFeatures, photos: list[TruePhoto], tmp_path: Path
) -> None:
    learner = task(promptable, features, photos)
    frozen = {name: value.clone() for name, value in promptable.state_dict().items()}
    terms = taught(learner, 20)
    assert np.mean(terms["box"][-8:]) < 0.6 * np.mean(terms["box"][:4])
    assert np.mean(terms["coarse"][-8:]) < 0.8 * np.mean(terms["coarse"][:4])
    for name, value in promptable.state_dict().items():
        assert torch.equal(value, frozen[name])
    with torch.inference_mode():
        assert set(learner.validate()) == {"recall"}
    learner.export(tmp_path)
    assert isinstance(word_guided(tmp_path / WEIGHTS), WordPrompts)


def test_gates_learn_what_shows_a_phrase_and_open(
    promptable: PromptedSam, features: PhotoFeatures, photos: list[TruePhoto], tmp_path: Path
) -> None:
    learner = task(promptable, features, photos, replace(SETTINGS, form="gates"))
    frozen = {name: value.clone() for name, value in promptable.state_dict().items()}
    terms = taught(learner, 8)
    assert set(terms) == {"loss", "shows", "box", "coarse", "focal", "dice"}
    assert np.mean(terms["shows"][-4:]) < 0.8 * np.mean(terms["shows"][:4])
    assert learner.network.get_parameter("gates.1.gate") != 0
    for name, value in promptable.state_dict().items():
        assert torch.equal(value, frozen[name])
    with torch.inference_mode():
        assert set(learner.validate()) == {"recall"}
    learner.export(tmp_path)
    assert isinstance(word_guided(tmp_path / WEIGHTS), GatedDecoder)


def test_batches_are_given_by_the_seed(
    promptable: PromptedSam, features: PhotoFeatures, photos: list[TruePhoto]
) -> None:
    learner = task(promptable, features, photos)
    one, again, other = (learner.batches(seed)[0] for seed in (1, 1, 2))
    assert torch.equal(one.prompt.vectors, again.prompt.vectors)
    assert [len(each) for each in one.cover] == [len(each) for each in again.cover]
    assert not torch.equal(one.seen.embedding, other.seen.embedding)
    assert one.seen.embedding.shape == (3, 128, SIDE // 16, SIDE // 16)
    assert all(cover.shape[1:] == (SIDE // 4, SIDE // 4) for cover in one.cover)


def drawn(
    promptable: PromptedSam, features: PhotoFeatures, photos: list[TruePhoto], shares: PromptShares
) -> tuple[GuidedTask, GuidedPrompts]:
    learner = task(promptable, features, photos, replace(SETTINGS, shares=shares))
    return learner, learner.batches(0)


def test_an_empty_prompt_means_all_regions_and_a_negative_one_none(
    promptable: PromptedSam, features: PhotoFeatures, photos: list[TruePhoto]
) -> None:
    _, batches = drawn(promptable, features, photos, PromptShares(1.0, 0.0))
    batch = batches[0]
    assert not batch.prompt.seen.any()
    assert [len(cover) for cover in batch.cover] == [2, 2, 2]
    without = [replace(photos[0], regions=photos[0].regions[1:]), *photos[1:]]
    learner, batches = drawn(promptable, features, without, PromptShares(0.0, 1.0))
    assert learner._phrases.absent(without[0]) == ["box", "square"]
    absent = replace(batches, order=[[0, 0, 0]])[0]
    assert absent.prompt.seen.any(dim=1).all()
    assert [len(cover) for cover in absent.cover] == [0, 0, 0]
    assert learner.loss(absent)["loss"].isfinite()


def test_phrases_that_are_held_out_are_asked_for_in_the_measure_only(
    promptable: PromptedSam, features: PhotoFeatures, photos: list[TruePhoto]
) -> None:
    learner = task(promptable, features, photos, replace(SETTINGS, unseen=("square", "box")))
    assert learner._phrases.of(photos[0]) == ["ground"]
    with torch.inference_mode():
        assert set(learner.validate()) == {"recall", "recall of unseen"}


def test_the_recipe_holds_out_what_the_list_names() -> None:
    settings = load_recipe(RECIPES / "proposals.toml").task
    listed = (RECIPES / "unseen.txt").read_text(encoding="utf-8").split("\n")
    assert list(settings.unseen) == [line for line in listed if line]
    assert settings.shares == PromptShares(0.1, 0.25)
