"""The task of word prompts: which prompts of the frozen decoder a phrase becomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from model.datasets.ground_truth import TruePhoto
from model.datasets.outlined_photos import OutlinedPhotos
from model.encoders.efficientnet import EfficientNetTrunk
from model.encoders.sentence import SentenceEncoder
from model.presets.preset import load_preset
from model.proposals.gated_decoder import GatedDecoder, GatedShape
from model.proposals.proposer import MOST
from model.proposals.word_guided import WordGuided
from model.proposals.word_prompts import WordPrompts, WordPromptsShape
from model.segmenters.promptable.network import PromptedSam
from model.training.guided_masks.batches import GuidedBatch, GuidedPrompts, cover_of
from model.training.guided_masks.features import PhotoFeatures
from model.training.guided_masks.matching import chosen, look_terms, matched
from model.training.loop.batch_stream import moved
from model.training.loop.task import Task, TaskContext, TaskKind
from model.training.losses.mask_losses import dice_loss, focal_loss
from model.training.photo_phrases.phrases import Phrases, PromptShares
from model.training.photo_phrases.recall import phrase_recall

WEIGHTS = "words.safetensors"


@dataclass(frozen=True)
class GuidedSettings:
    """A recipe's section [task] for proposals.

    Attributes:
        preset: preset whose promptable network draws.
        form: place where words are heard: the decoder's "prompts" (`WordPrompts`), or "gates" in
            it (`GatedDecoder`).
        queries, mlp, layers: see `WordPromptsShape`; gates have queries alone.
        shares: shares of the prompts that name nothing in their photo.
        drawn: masks a batch that the frozen decoder draws, at the most.
        focal: weight of the focal loss of these masks against the dice loss.
        unseen: phrases that no prompt of training names.
        photos: photos to learn from; a share of them, `photos.holdout`, to measure on.
    """

    preset: str = "nano"
    form: Literal["prompts", "gates"] = "prompts"
    queries: int = 20
    mlp: int = 256
    layers: int = 3
    shares: PromptShares = field(default_factory=PromptShares)
    drawn: int = 16
    focal: float = 20.0
    unseen: tuple[str, ...] = ()
    photos: OutlinedPhotos = field(default_factory=OutlinedPhotos)


class GuidedTask(Task):
    """Learns a network of word prompts.

    Args:
        settings: the recipe's.
        train, held: photos with named regions, to learn from and to measure on.
        promptable: frozen network that draws.
        features: maps that it makes of the photos.
        sentences: encoder of the phrases' tokens.
        batch: photos a batch.
    """

    def __init__(
        self,
        settings: GuidedSettings,
        train: Sequence[TruePhoto],
        held: Sequence[TruePhoto],
        promptable: PromptedSam,
        features: PhotoFeatures,
        sentences: SentenceEncoder,
        batch: int,
    ) -> None:
        self.network: WordGuided = _network(settings, promptable, sentences)
        self._settings, self._batch, self._features = settings, batch, features
        self._promptable = promptable.eval().requires_grad_(False)
        self._phrases = Phrases([*train, *held], sentences, settings.unseen)
        self._train = [photo for photo in train if self._phrases.of(photo)]
        self._held = held

    def batches(self, epoch_seed: int) -> GuidedPrompts:
        """Batches of as many photos as there are, drawn by the sources' weights."""
        return GuidedPrompts(
            self._train,
            self._settings.photos.order(self._train, self._batch, epoch_seed),
            self._phrases,
            self._settings.shares,
            self._side,
            epoch_seed,
            self._features,
        )

    def loss(self, batch: GuidedBatch) -> dict[str, Tensor]:
        """Terms of every look, and of the masks that the last one's prompts become."""
        promptable = self._promptable.to(batch.seen.embedding.device)
        answers, draw = self.network.answered(promptable, batch.seen, batch.prompt)
        coarse = [_at_stride_16(cover) for cover in batch.cover]
        terms: dict[str, Tensor] = {}
        for answer in answers:
            pairs = matched(answer, coarse)
            for name, value in look_terms(answer, pairs, coarse).items():
                terms[name] = terms.get(name, torch.zeros_like(value)) + value / len(answers)
        some = torch.randperm(len(pairs[0]), device=pairs[0].device)[: self._settings.drawn]
        if len(some):
            prompts, queries, numbers = (each[some] for each in pairs)
            logits, _ = draw(prompts, queries)
            true = chosen(batch.cover, (prompts, queries, numbers))
            terms["focal"] = self._settings.focal * focal_loss(logits, true).mean()
            terms["dice"] = dice_loss(logits, true).mean()
        return {"loss": torch.stack(list(terms.values())).sum()} | terms

    def validate(self) -> dict[str, float]:
        """Recall among the ten surest masks of every phrase, at stride 4 (`phrase_recall`)."""
        return phrase_recall(
            self._held,
            self._phrases,
            self._proposed,
            lambda photo, regions: cover_of(photo, regions, self._side),
        )

    def export(self, folder: Path) -> None:
        """Write the network's weights and shape."""
        self.network.save(folder / WEIGHTS)

    @property
    def _side(self) -> int:
        side: int = self._promptable.image_encoder.img_size
        return side

    def _proposed(self, photo: TruePhoto, phrases: Sequence[str]) -> Iterator[Tensor]:
        """10×4h×4w mask logits of the surest queries, phrase by phrase."""
        device = next(self.network.parameters()).device
        promptable = self._promptable.to(device)
        seen = moved(self._features.of(photo.path), device)
        for phrase in phrases:
            prompt = moved(self._phrases.tokens([phrase]), device)
            answers, draw = self.network.answered(promptable, seen, prompt)
            surest = answers[-1].shows[0].argsort(descending=True)[:MOST]
            yield draw(torch.zeros_like(surest), surest)[0]


def _at_stride_16(cover: Tensor) -> Tensor:
    return functional.avg_pool2d(cover[:, None], 4)[:, 0] if len(cover) else cover[:, ::4, ::4]


def _network(
    settings: GuidedSettings, promptable: PromptedSam, sentences: SentenceEncoder
) -> WordGuided:
    width, text = promptable.shape.width, sentences.dimension
    if settings.form == "gates":
        blocks = len(promptable.mask_decoder.transformer.layers)
        return GatedDecoder(GatedShape(settings.queries, width, text, blocks=blocks))
    return WordPrompts(
        WordPromptsShape(settings.queries, width, text, mlp=settings.mlp, layers=settings.layers)
    )


def guided_kind() -> TaskKind:
    """Kind of task `proposals`: how a recipe's [task] is read and built."""
    return TaskKind(GuidedSettings, _build)


def _build(settings: GuidedSettings, context: TaskContext) -> GuidedTask:
    learned, measured = settings.photos.read(context.data)
    train = [photo for photo in learned if photo.named]
    held = [photo for photo in measured.get("held", []) if photo.named]  # it chooses weights
    trunk = EfficientNetTrunk.shared()
    weights = load_preset(settings.preset).weights["prompts"].checked_path()
    promptable = PromptedSam.load(weights, trunk)
    features = PhotoFeatures(context.cache, promptable, trunk)
    features.make([photo.path for photo in (*train, *held)], context.tell)
    sentences = SentenceEncoder()
    return GuidedTask(settings, train, held, promptable, features, sentences, context.batch)
