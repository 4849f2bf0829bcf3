"""Referring expressions by Global-Local CLIP's features, in place of an embedder's vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.devices import best_device, chosen_dtype
from model.encoders.clip_weights import load_clip
from model.errors import PresetInvalid
from model.masks.segments import Segments
from model.photos.images import Image
from model.presets.preset import Preset
from model.referring.expression import Expression
from model.referring.global_local import GlobalLocal
from model.referring.referrer import Referrer, Views, texts_of
from model.referring.scoring import Cosines
from model.referring.settings import GlobalLocalSettings, ReferringSettings


class GlobalLocalReferrer(Referrer):
    """Referrer whose recall is the cosine of Global-Local CLIP's features with the mixed text.

    Args:
        looks: features of segments and texts.
        settings: numbers that weigh the parts of an expression.
    """

    def __init__(self, looks: GlobalLocal, settings: ReferringSettings | None = None) -> None:
        self._looks = looks
        self.settings = settings or ReferringSettings()

    @classmethod
    def of(cls, preset: Preset, looks: GlobalLocalSettings | None = None) -> GlobalLocalReferrer:
        """A referrer with a preset's CLIP.

        Args:
            preset: preset with towers.
            looks: choices of how segments are looked at.

        Raises:
            PresetInvalid: the preset has no CLIP, or none that can look so.
            WeightsMissing, WeightsMismatch: its weights cannot be used.
        """
        if "clip" not in preset.weights:
            raise PresetInvalid(
                f"the preset '{preset.name}' names no CLIP, which Global-Local CLIP needs",
                "choose one with towers, as base",
            )
        said, device = preset.embedder, best_device()
        tokenizer = preset.weights.get("tokenizer")
        clip = load_clip(
            preset.weights["clip"].path(),
            str(said["architecture"]),
            str(said.get("tag", "")),
            None if tokenizer is None else tokenizer.path(),
            device,
            chosen_dtype(str(said.get("precision", "auto")), device),
        )
        return cls(GlobalLocal(clip, looks))

    def look(self, image: Image, segments: Segments) -> Views:
        """Features of a photo's segments at length 1, and texts as the network has them."""
        features = self._looks.features(image, segments).float().cpu().numpy()
        length = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        unit = np.asarray(features / length, np.float32)
        return MixedViews(unit, self._encoded, self.settings.phrase)

    def _encoded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self._looks.texts(texts).float().cpu().numpy(), np.float32)


@dataclass(frozen=True, eq=False)
class MixedViews(Views):
    """Views whose texts may have any length: sentence and phrase are mixed as they are.

    Attributes:
        phrase: share of the phrase.
    """

    phrase: float = 0.5

    def recall(self, text: str) -> NDArray[np.float32]:
        """N cosines with a text alone."""
        (encoded,) = self.encode([text])
        return np.asarray(self.vectors @ (encoded / np.linalg.norm(encoded)), np.float32)

    def cosines(self, expression: Expression) -> Cosines:
        """N numbers for each text: those of sentence and phrase, mixed, are the cosine with
        t = ½ E(sentence) + ½ E(phrase)."""
        texts = texts_of(expression)
        rows = self.encode(texts)
        phrase = rows[texts.index(expression.phrase)] if expression.phrase in texts else rows[0]
        mixed = (1 - self.phrase) * rows[0] + self.phrase * phrase
        found = self.vectors @ (rows / np.linalg.norm(mixed)).T
        return dict(zip(texts, found.T, strict=True))
