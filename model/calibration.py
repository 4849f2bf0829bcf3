"""From scores to probabilities: does this segment show what was asked?

Cosines mean little by themselves: one query's best is 0.3, another's worst is 0.4. So each query
is judged against how it scores a fixed background: segments that have nothing to do with the
photos searched, and words that might say better what a segment shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.class_evidence import ClassEvidence
from model.look_evidence import LookEvidence
from model.quantiles import quantile
from model.rival_words import Kin, RivalWords, as_kin, require_kin

Floats = NDArray[np.float32]

TAIL = 0.99
FEATURES = ("prominence", "tail", "rivalry", "score", "nearness")
SIGNED = ("tail",)  # all others count for a segment alone: more of them never lowers a confidence
DEFAULT_COEFFICIENTS = (0.5, -0.2, 8.0, 6.0, 0.0, -5.0)


class Background(NamedTuple):
    """Scores of a query on the background, told by three numbers.

    Attributes:
        middle: median.
        spread: robust standard deviation, never near zero.
        tail: quantile `TAIL`.
    """

    middle: float
    spread: float
    tail: float

    @classmethod
    def of(cls, scores: Floats) -> list[Background]:
        """One for each row of Q×G scores."""
        scores = np.sort(scores, axis=1)
        middle = quantile(scores, 0.5)
        deviation = 1.4826 * quantile(np.sort(np.abs(scores - middle[:, None]), axis=1), 0.5)
        # half of a background may score alike, as with words that exclude each other
        spread = np.maximum(np.maximum(deviation, 0.5 * scores.std(axis=1)), 0.01)
        rows = np.stack([middle, spread, quantile(scores, TAIL)], axis=1)
        return [cls(*row) for row in rows.tolist()]


@dataclass(frozen=True, eq=False)
class Calibration:
    """A background to judge scores against, and the fitted judgement.

    Attributes:
        segments: G×D float32 unit vectors of diverse segments.
        words: K names of the rival words.
        texts: K×M float32 unit vectors of their meaning, the first M of the D components.
        coefficients: weights of the logistic, one for each of `FEATURES`, then the constant. But
            for `SIGNED` ones they are not negative: a higher score never means a lower confidence.
        classes: rule for what vectors tell of classes, in components after the D; None: they have
            no others.
        looks: rule for the looks in components after the M; None: M is D.
        kin: L×2 int64, numbers of words that are no rivals of each other.

    Raises:
        ValueError: the arrays do not belong together.
    """

    segments: Floats
    words: tuple[str, ...]
    texts: Floats
    coefficients: tuple[float, ...] = DEFAULT_COEFFICIENTS
    classes: ClassEvidence | None = None
    looks: LookEvidence | None = None
    kin: Kin = field(default_factory=lambda: as_kin([]))

    def __post_init__(self) -> None:
        _require_rows(self.segments)
        expected = (len(self.words), self.meaning)
        if self.meaning < 1 or self.texts.shape != expected:
            raise ValueError(f"texts have shape {self.texts.shape}, expected {expected}")
        if len(self.coefficients) != len(FEATURES) + 1:
            raise ValueError(f"expected {len(FEATURES) + 1} coefficients")
        weights = zip(FEATURES, self.coefficients, strict=False)
        if any(weight < 0 for name, weight in weights if name not in SIGNED):
            raise ValueError("a coefficient of a score is negative: confidence would fall with it")
        require_kin(self.kin, len(self.words))

    @classmethod
    def from_background(
        cls,
        segments: NDArray[np.floating],
        words: Sequence[str],
        texts: NDArray[np.floating],
        coefficients: Sequence[float] = DEFAULT_COEFFICIENTS,
        classes: ClassEvidence | None = None,
        looks: LookEvidence | None = None,
        kin: Iterable[tuple[int, int]] = (),
    ) -> Calibration:
        """A calibration with this background and, unless given, coefficients for nobody's data.

        Args:
            segments: G×D vectors, of any length above zero.
            words: K names.
            texts: K×M vectors of these.
            coefficients: weights of the logistic, as the attribute.
            classes: rule for classes, as the attribute.
            looks: rule for looks, as the attribute.
            kin: pairs of numbers of words, as the attribute.

        Raises:
            ValueError: the arrays do not belong together.
        """
        _require_rows(segments)
        return cls(
            _unit(segments),
            tuple(words),
            _unit(texts),
            tuple(coefficients),
            classes,
            looks,
            as_kin(kin),
        )

    @property
    def meaning(self) -> int:
        """Number of the vectors' first components, those of meaning."""
        looks = 0 if self.looks is None else self.looks.dimension
        return int(self.segments.shape[1]) - looks

    def confidence(self, query: Floats, matches: Floats) -> Floats:
        """N float32: the probability that each segment shows what was asked.

        Args:
            query: the composed query vector; its length does not matter.
            matches: N unit vectors of the segments that were found.
        """
        return self.confidences(query[None], [matches])[0]

    def confidences(self, queries: Floats, matches: Sequence[Floats]) -> list[Floats]:
        """The `confidence` of each query's matches; the background passes by once for all.

        Args:
            queries: Q composed query vectors.
            matches: Q arrays of N unit vectors, N of each query's own.
        """
        meant = _unit(self._meant(queries))
        backgrounds = Background.of(meant @ self._background.T)
        found = []
        for query, part, own, background in zip(queries, meant, matches, backgrounds, strict=True):
            logits = self.logits(self._evidence(part, self._meant(own), background))
            sure = _logistic(logits + self.class_logits(query, own))
            found.append((sure * self.look_shares(query, own)).astype(np.float32))
        return found

    def evidence(self, query: Floats, matches: Floats) -> NDArray[np.float64]:
        """Evidence that the confidence is computed from; arguments as there.

        Returns:
            N×5, columns as in `FEATURES`: how far the score lies above the background's median,
            in robust standard deviations; how far the background's own tail does; by how much
            the score exceeds that of words for something else, the best one mostly; the score
            itself; by how much it stays behind that of near words that are no kin.
        """
        (meant,) = _unit(self._meant(np.asarray(query, np.float32)[None]))
        (background,) = Background.of(meant[None] @ self._background.T)
        return self._evidence(meant, self._meant(matches), background)

    def logits(self, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """N float64: the logits of N rows of evidence."""
        weights = np.array(self.coefficients)
        return np.asarray(evidence @ weights[:-1] + weights[-1], np.float64)

    def class_logits(self, query: Floats, matches: Floats) -> NDArray[np.float64]:
        """N float64: what seen classes add to these; 0 where nothing is told of them."""
        if self.classes is None:
            return np.zeros(len(matches))
        return self.classes.logits(query, matches, self.segments.shape[1])

    def look_shares(self, query: Floats, matches: Floats) -> NDArray[np.float64]:
        """N float64: what looks that are asked for leave of a confidence; 1 where none are."""
        if self.looks is None:
            return np.ones(len(matches))
        looks = slice(self.meaning, self.segments.shape[1])
        length = float(np.linalg.norm(query[: self.meaning]))
        return self.looks.shares(query[looks], matches[:, looks], self._seen, length)

    def _meant(self, vectors: Floats) -> Floats:
        """The vectors' meaning; where they have other components, as unit rows."""
        meant = vectors[:, : self.meaning]
        return meant if meant.shape == vectors.shape else _unit(meant)

    @cached_property
    def _background(self) -> Floats:
        return self._meant(self.segments)

    @cached_property
    def _seen(self) -> list[Floats]:
        """Looks of the background, of each by itself."""
        return [] if self.looks is None else self.looks.each(self.segments[:, self.meaning :])

    @cached_property
    def _rivals(self) -> RivalWords:
        return RivalWords(self.texts, self.kin)

    def _evidence(
        self, query: Floats, matches: Floats, background: Background
    ) -> NDArray[np.float64]:
        score = matches @ query
        prominence = (score - background.middle) / background.spread
        tail = (background.tail - background.middle) / background.spread
        rivalry, nearness = self._rivals.margins(query, matches)
        columns = [prominence, np.full(len(matches), tail), rivalry, score, nearness]
        return np.stack(columns, axis=1).astype(np.float64)

    def save(self, path: Path) -> None:
        """Write it to a safetensors file, vectors as int8: their length is 1 whatever the scale."""
        from safetensors.numpy import save_file

        tensors: dict[str, NDArray[Any]] = {
            "segments": _whole_numbers(self.segments),
            "texts": _whole_numbers(self.texts),
            "coefficients": np.array(self.coefficients, np.float64),
            "kin": self.kin.astype(np.int32),
        }
        told = {"words": json.dumps(self.words)}
        if self.classes is not None:
            told["classes"] = json.dumps(asdict(self.classes))
        if self.looks is not None:
            told["looks"] = json.dumps(asdict(self.looks))
        save_file(tensors, path, metadata=told)

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """The calibration in a safetensors file, which may be of before words were near or kin.

        Raises:
            WeightsMismatch: the file holds none.
        """
        from model.weights.tensor_file import network_file

        remedy = "reinstall segsearch, or fit it again (python -m model.training.calibration)"
        with network_file(path, "a calibration", remedy) as (metadata, tensors):
            weights = tensors["coefficients"].tolist()
            if "kin" not in tensors:
                weights.insert(FEATURES.index("nearness"), 0.0)
            looks = json.loads(metadata["looks"]) if "looks" in metadata else None
            return cls.from_background(
                tensors["segments"].numpy(),
                json.loads(metadata["words"]),
                tensors["texts"].numpy(),
                weights,
                ClassEvidence(**json.loads(metadata["classes"])) if "classes" in metadata else None,
                LookEvidence(**looks | {"parts": tuple(looks["parts"])}) if looks else None,
                tensors["kin"].tolist() if "kin" in tensors else (),
            )


def _whole_numbers(vectors: Floats) -> NDArray[np.int8]:
    """Each row multiplied so that its largest component is 127, rounded."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True, initial=0), 1e-12)
    return np.asarray(np.rint(vectors * (127 / largest)), np.int8)


def _logistic(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float64)


def _require_rows(segments: NDArray[np.floating]) -> None:
    if segments.ndim != 2 or not len(segments):
        raise ValueError(f"segments have shape {segments.shape}, expected G×D, G ≥ 1")


def _unit(vectors: NDArray[np.floating]) -> Floats:
    length = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return np.asarray(vectors / length, np.float32)
