import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from closeness import assert_close, terms_of
from PIL import Image as PillowImage
from safetensors.torch import load_file
from tiny_hosts import SIDE, tiny_host

from model.datasets.ground_truth import TruePhoto, read_truth
from model.encoders.sentence import SentenceEncoder
from model.errors import RecipeInvalid, WeightsMissing
from model.masks import rle
from model.masks.segments import Segments
from model.proposals.host_proposer import HostProposer, host_pixels
from model.proposals.query_host import SHOWN
from model.training.loop.callbacks import Callbacks
from model.training.loop.network_state import set_training_mode, trained
from model.training.loop.run_log import read_record
from model.training.loop.task import TaskContext
from model.training.photo_phrases.phrases import PromptShares
from model.training.query_host.task import (
    GATES,
    HOST,
    HostSettings,
    HostTask,
    host_kind,
)
from model.training.recipe import load_recipe
from model.training.run import train

RECIPES = Path(__file__).parents[4] / "recipes"
HOSTS, LEARN = ["mask2former", "maskformer"], ["gates", "decoder"]
SETTINGS = HostSettings("hosts/tiny", side=SIDE, shares=PromptShares(0.0, 0.0))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos of a square and a disc, the last one lower than the others, and one of `val`;
    and a tiny host."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "shapes" / "images").mkdir(parents=True)
    random, lines = np.random.default_rng(0), []
    for number in range(7):
        height, width = size = (32 if number == 5 else 64, 64)
        y, x = np.mgrid[:height, :width]
        square = (abs(y - 14) < 12) & (abs(x - 16) < 12)
        disc = (y - height + 16) ** 2 + (x - 46) ** 2 < 14**2
        pixels = np.full((*size, 3), 110, np.uint8)
        pixels[square], pixels[disc] = random.integers(0, 256, (2, 3))
        names, name = {"square": square, "disc": disc}, f"{number}.png"
        if number % 2:  # mirrored
            pixels, names = pixels[:, ::-1], {name: mask[:, ::-1] for name, mask in names.items()}
        PillowImage.fromarray(pixels).save(folder / "shapes" / "images" / name)
        regions = [
            {
                "segmentation": {"size": size, "counts": rle.encode(mask[None])[0].decode()},
                "phrases": [phrase],
                "kind": "object",
            }
            for phrase, mask in names.items()
        ]
        plain = {"file": name, "height": height, "width": width, "captions": []}
        split = "train" if number < 6 else "val"
        lines.append(json.dumps(plain | {"split": split, "regions": regions}))
    (folder / "shapes" / "annotations.jsonl").write_text("\n".join(lines), encoding="utf-8")
    tiny_host("mask2former").save_pretrained(folder / "hosts" / "tiny")
    return folder


@pytest.fixture(scope="module")
def photos(corpus: Path) -> list[TruePhoto]:
    return list(read_truth(corpus, "train").photos)


@pytest.fixture(scope="module")
def sentences() -> SentenceEncoder:
    return SentenceEncoder()


def task(
    kind: str,
    photos: list[TruePhoto],
    sentences: SentenceEncoder,
    settings: HostSettings = SETTINGS,
    **host: float,
) -> HostTask:
    plain = tiny_host(kind, **host)
    torch.manual_seed(0)
    return HostTask(settings, photos, photos, plain, sentences, batch=2)


def loss_of(learner: HostTask, epoch: int) -> torch.Tensor:
    terms = [learner.loss(batch)["loss"] for batch in learner.batches(epoch)]
    return torch.stack(terms).mean()


def taught(learner: HostTask, steps: int, lr: float = 1e-2) -> tuple[float, float]:
    """Losses of the same prompts before and after steps of an epoch each."""
    own = [parameter for _, parameter in trained(learner.network)]
    optimiser = torch.optim.AdamW(own, lr=lr)
    losses = []
    for step in range(steps + 2):
        if step in (0, steps + 1):
            learner.network.eval()
            torch.manual_seed(0)
            with torch.no_grad():
                losses.append(loss_of(learner, epoch=0).item())
        else:
            set_training_mode(learner.network)
            loss = loss_of(learner, epoch=step)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(own, 1.0)
            optimiser.step()
    before, after = losses
    return before, after


def state_of(learner: HostTask) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in learner.network.state_dict().items()}


@pytest.mark.parametrize("learn", LEARN)
@pytest.mark.parametrize("kind", HOSTS)
def test_shapes_are_learned_by_what_is_to_learn_and_by_nothing_else(
    kind: str, learn: Any, photos: list[TruePhoto], sentences: SentenceEncoder
) -> None:
    learner = task(kind, photos[:2], sentences, replace(SETTINGS, learn=learn))
    start = state_of(learner)
    before, after = taught(learner, steps=16)
    assert after < (0.95 if learn == "gates" else 0.85) * before
    parts = ("gates.", "shows.", "host.model.transformer_module.")
    changed = {
        next((part for part in parts if name.startswith(part)), name)
        for name, value in state_of(learner).items()
        if not torch.equal(value, start[name])
    }
    assert changed == set(parts if learn == "decoder" else parts[:2])


@pytest.mark.parametrize("kind", HOSTS)
def test_before_the_first_step_masks_are_the_hosts_own_in_training_as_well(
    kind: str, photos: list[TruePhoto], sentences: SentenceEncoder
) -> None:
    drops = {"dropout": 0.1} if kind == "maskformer" else {}  # as published
    learner = task(kind, photos, sentences, **drops)
    set_training_mode(learner.network)
    assert learner.network.training
    batch = learner.batches(0)[0]
    with torch.no_grad():
        found = learner.network(batch.pixels, batch.prompt)
        own = tiny_host(kind, **drops)(batch.pixels, output_hidden_states=True)
    assert_close(found.masks[-1], own.masks_queries_logits, terms_of(learner.network))


@pytest.mark.parametrize("learn", LEARN)
@pytest.mark.parametrize("kind", HOSTS)
def test_what_is_exported_proposes(
    kind: str, learn: Any, photos: list[TruePhoto], sentences: SentenceEncoder, tmp_path: Path
) -> None:
    learner = task(kind, photos[:2], sentences, replace(SETTINGS, learn=learn))
    taught(learner, steps=2)
    learner.export(tmp_path)
    exported = {"gates": {GATES}, "decoder": {GATES, HOST}}[learn]
    assert {path.name for path in tmp_path.iterdir()} == exported
    if learn == "gates":
        tiny_host(kind).save_pretrained(tmp_path / HOST)
    proposer = HostProposer.load(tmp_path / HOST, tmp_path / GATES, SIDE)
    assert proposer.fingerprint == HostProposer(learner.network, sentences, SIDE).fingerprint
    found = proposer.propose(photos[0].read(), "disc", Segments.empty((64, 64)), most=3)
    assert 0 < len(found) <= 3


def test_an_empty_prompt_teaches_the_decoder_and_no_gate(
    photos: list[TruePhoto], sentences: SentenceEncoder
) -> None:
    settings = replace(SETTINGS, learn="decoder", shares=PromptShares(1.0, 0.0))
    learner = task("mask2former", photos, sentences, settings)
    batch = learner.batches(0)[0]
    assert [len(each) for each in batch.targets] == [2, 2]
    learner.loss(batch)["loss"].backward()  # type: ignore[no-untyped-call]
    moved = {
        name.split(".")[0]
        for name, each in learner.network.named_parameters()
        if each.grad is not None and each.grad.any()
    }
    assert moved == {"host"}
    frozen = task("mask2former", photos, sentences, replace(settings, learn="gates"))
    frozen.loss(batch)["loss"].backward()  # nothing to learn, and no error
    assert not frozen.network.shows.weight.grad.any()


def test_what_the_host_has_learned_before_learns_less(
    photos: list[TruePhoto], sentences: SentenceEncoder
) -> None:
    settings = replace(SETTINGS, learn="decoder", decoder_rate=0.3)
    learner = task("mask2former", photos, sentences, settings)
    rates = {name.split(".")[0]: learner.rate(name) for name, _ in trained(learner.network)}
    assert rates == {"host": 0.3, "gates": 1.0, "shows": 1.0}


def test_batches_are_of_one_shape_and_given_by_the_seed(
    photos: list[TruePhoto], sentences: SentenceEncoder
) -> None:
    learner = task("mask2former", [*photos, photos[-1]], sentences)
    epochs = [learner.batches(seed) for seed in (0, 1, 2, 3)]
    for seed, epoch in enumerate(epochs):
        for batch, again in zip(epoch, learner.batches(seed), strict=True):
            assert torch.equal(batch.pixels, again.pixels)
            assert torch.equal(batch.prompt.vectors, again.prompt.vectors)
            assert all(each.shape == (1, *batch.pixels.shape[2:]) for each in batch.targets)
    assert {batch.pixels.shape[2] for epoch in epochs for batch in epoch} == {32, 64}
    assert epochs[0].order != epochs[1].order
    one, other = (replace(epochs[0], seed=seed, order=[[0] * 8])[0] for seed in (0, 1))
    assert [each.sum() for each in one.targets] != [each.sum() for each in other.targets]


def test_negatives_have_no_region_and_what_is_held_out_is_measured_only(
    photos: list[TruePhoto], sentences: SentenceEncoder
) -> None:
    discs = [replace(photo, regions=photo.regions[1:]) for photo in photos[:2]]
    settings = replace(SETTINGS, shares=PromptShares(0.0, 1.0), unseen=("disc",))
    learner = task("mask2former", [*discs, *photos[2:4]], sentences, settings)
    assert [photo.path for photo in learner._train] == [photo.path for photo in photos[2:4]]
    with torch.no_grad():
        assert set(learner.validate()) == {"recall", "recall of unseen"}
    negative = task("mask2former", [*discs, *photos[2:4]], sentences, replace(settings, unseen=()))
    lengths = {
        photo.regions[0].phrases: len(each)
        for batch, numbers in zip(negative.batches(3), negative.batches(3).order, strict=True)
        for photo, each in zip((negative._train[n] for n in numbers), batch.targets, strict=True)
    }
    assert lengths == {("disc",): 0, ("square",): 1}  # those with both have nothing absent


def test_the_surest_masks_are_measured(
    photos: list[TruePhoto], sentences: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.training.query_host.task.MOST", 2)  # of five queries
    learner = task("mask2former", photos[:1], sentences)
    pixels = host_pixels(photos[0].read(), SIDE)[None]
    with torch.no_grad():
        answers = learner.network(pixels, learner._phrases.tokens(["disc"]))
        (drawn,) = learner._proposed(photos[0], ["disc"])
    sure = answers.shows[-1][0].softmax(dim=1)[:, SHOWN]
    assert torch.equal(drawn, answers.masks[-1][0, sure.topk(2).indices])
    assert learner._cover(photos[0], photos[0].regions).shape == (2, *drawn.shape[1:])


class Stopped(Callbacks):
    """Ends a run in its middle."""

    def stepped(self, step: int, terms: Mapping[str, float]) -> None:
        if step == 2:
            raise InterruptedError


def test_a_resumed_run_is_the_undisturbed_one(corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f"""
        [task]
        kind = "query-host"
        host = "hosts/tiny"
        learn = "decoder"
        side = {SIDE}
        photos = {{holdout = 0.4}}

        [trainer]
        steps = 3
        batch = 2
        lr = 1e-3
        ema = 0.9
        best = "recall"
        validate_every = 2
        checkpoint_every = 1
        """
    )
    summary = train(recipe, corpus, tmp_path / "whole")
    assert summary is not None
    assert summary.steps == 3
    assert 0 <= summary.metrics["recall"] <= 1
    with pytest.raises(InterruptedError):
        train(recipe, corpus, tmp_path / "halved", watcher=Stopped())
    train(recipe, corpus, tmp_path / "halved", resume=True)
    assert read_record(tmp_path / "halved") == read_record(tmp_path / "whole")
    untrained, first = read_record(tmp_path / "whole")[:2]
    assert (untrained["section"], untrained["step"]) == ("val", 0)  # measured before all else
    assert set(first) > {"cross_entropy", "mask", "dice", "loss"}
    for name in (GATES, f"{HOST}/model.safetensors"):
        one, other = (load_file(tmp_path / run / name) for run in ("halved", "whole"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_the_first_weights_are_given_by_the_recipes_seed_alone(
    corpus: Path, tmp_path: Path
) -> None:
    built = []
    for drawn_before, seed in ((1, 7), (2, 7), (2, 8)):
        torch.manual_seed(drawn_before)
        context = TaskContext(corpus, tmp_path, 2, seed, lambda line: None)
        absolute = replace(SETTINGS, host=str(corpus / "hosts" / "tiny"))
        built.append(host_kind().build(absolute, context).network.state_dict())
    one, same, other = built
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_a_host_that_is_not_there_and_settings_that_cannot_be_are_told(
    corpus: Path, tmp_path: Path
) -> None:
    context = TaskContext(corpus, tmp_path, 2, 0, lambda line: None)
    with pytest.raises(WeightsMissing, match="hosts/none"):
        host_kind().build(replace(SETTINGS, host="hosts/none"), context)
    recipe = tmp_path / "recipe.toml"
    for line, told in (
        ("learn = 'all'", "choose one of 'gates', 'decoder'"),
        ("decoder_rate = 0", "decoder_rate is 0"),
        ("side = 100", "side is 100"),
        ("shares = {empty = 0.5, negative = 0.6}", "empty and negative"),
    ):
        recipe.write_text(f"[task]\nkind = 'query-host'\nhost = 'a'\n{line}\n[trainer]\n")
        with pytest.raises(RecipeInvalid, match=told):
            load_recipe(recipe)


def test_the_recipe_holds_out_what_the_list_names_and_learns_the_gates() -> None:
    read = load_recipe(RECIPES / "query-host.toml").task
    listed = (RECIPES / "unseen.txt").read_text(encoding="utf-8").split("\n")
    assert list(read.unseen) == [line for line in listed if line]
    assert read.learn == "gates"
    assert read.shares == HostSettings("").shares == PromptShares(0.0, 0.25)
