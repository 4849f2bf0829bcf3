"""Proposals of nano's own: by a trained network before, or in, its promptable decoder."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import torch

from model.encoders.efficientnet import EfficientNetTrunk
from model.encoders.sentence import SentenceEncoder
from model.errors import WeightsMismatch
from model.masks import rle
from model.masks.segments import Segments
from model.photos.images import Image
from model.proposals.gated_decoder import GatedDecoder
from model.proposals.novelty import novel_segments
from model.proposals.prompt_tokens import prompt_tokens
from model.proposals.proposer import MOST, Proposer
from model.proposals.seen_photo import seen_photos
from model.proposals.word_guided import WordGuided
from model.proposals.word_prompts import WordPrompts
from model.segmenters.promptable.frame import framed, framed_size
from model.segmenters.promptable.network import PromptedSam
from model.weights.weights_digest import add_weights


class WordPromptProposer(Proposer):
    """Masks of a promptable network whose prompts, or tokens, know the words.

    Args:
        network: trained word prompts, or gates.
        promptable: frozen network that draws.
        sentences: encoder of the prompts' tokens.
    """

    name = "word-prompts"

    def __init__(
        self, network: WordGuided, promptable: PromptedSam, sentences: SentenceEncoder
    ) -> None:
        self._network, self._promptable, self._sentences = network.eval(), promptable, sentences

    @classmethod
    def load(cls, weights: Path, prompts: Path, trunk: Path | None = None) -> WordPromptProposer:
        """The proposer of trained weights.

        Args:
            weights: safetensors, made by `segsearch train recipes/proposals.toml`.
            prompts: weights of the promptable network.
            trunk: weights of the image trunk; by default the bundled ones.

        Raises:
            WeightsMismatch: a file holds another network.
        """
        promptable = PromptedSam.load(prompts, EfficientNetTrunk.shared(trunk))
        return cls(word_guided(weights), promptable, SentenceEncoder())

    @property
    def fingerprint(self) -> str:
        """Hex digest of the weights of the prompts and of the network that draws."""
        digest = hashlib.sha256(b"word prompts")
        for part in (self._network, self._promptable):
            add_weights(digest, part)
        return digest.hexdigest()

    @torch.inference_mode()
    def propose(self, image: Image, prompt: str, known: Segments, most: int = MOST) -> Segments:
        """Masks of the queries that show the prompt most surely."""
        side = self._promptable.image_encoder.img_size
        seen = seen_photos(self._promptable, framed(image.pixels, side)[None])
        tokens = prompt_tokens(self._sentences, [prompt])
        answers, draw = self._network.answered(self._promptable, seen, tokens)
        shows = answers[-1].shows[0]
        logits, quality = draw(torch.zeros(len(shows), dtype=torch.int64), torch.arange(len(shows)))
        masks = self._promptable.postprocess_masks(
            logits[:, None], framed_size(image.size, side), known.size
        )
        rank = shows.sigmoid() * quality.clamp(0, 1)
        counts = rle.encode((masks[:, 0] > 0).numpy())
        return novel_segments(counts, rank.numpy(), quality.numpy(), known, most)


def word_guided(path: Path) -> WordGuided:
    """The network of either form that training wrote to a safetensors file.

    Raises:
        WeightsMismatch: the file holds neither.
    """
    with suppress(WeightsMismatch):
        return GatedDecoder.load(path)
    return WordPrompts.load(path)
