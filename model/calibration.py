"""From scores to probabilities: does this segment show what was asked?

Cosines mean little by themselves: one query's best is 0.3, another's worst is 0.4. So each query
is judged against how it scores a fixed background: segments that have nothing to do with the
photos searched, and common words that might say better what a segment shows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.class_evidence import ClassEvidence

Floats = NDArray[np.float32]

SYNONYM = 0.6
TAIL = 0.99
SHARPNESS = 20.0
FEATURES = ("prominence", "tail", "rivalry", "score")
DEFAULT_COEFFICIENTS = (0.5, -0.2, 8.0, 6.0, -5.0)


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
        middle = _quantile(scores, 0.5)
        deviation = 1.4826 * _quantile(np.sort(np.abs(scores - middle[:, None]), axis=1), 0.5)
        # half of a background may score alike, as with words that exclude each other
        spread = np.maximum(np.maximum(deviation, 0.5 * scores.std(axis=1)), 0.01)
        rows = np.stack([middle, spread, _quantile(scores, TAIL)], axis=1)
        return [cls(*row) for row in rows.tolist()]


@dataclass(frozen=True, eq=False)
class Calibration:
    """A background to judge scores against, and the fitted judgement.

    Attributes:
        segments: G×D float32 unit vectors of diverse segments.
        words: K names of the background texts.
        texts: K×D float32 unit vectors of these.
        coefficients: weights of the logistic, one for each of `FEATURES`, then the constant. Those
            of
            prominence, rivalry and score are not negative: a higher score never means a lower
            confidence.
        classes: rule for what vectors tell of classes, in components after the D; None: they have
            no others.

    Raises:
        ValueError: the arrays do not belong together.
    """

    segments: Floats
    words: tuple[str, ...]
    texts: Floats
    coefficients: tuple[float, ...] = DEFAULT_COEFFICIENTS
    classes: ClassEvidence | None = None

    def __post_init__(self) -> None:
        _require_rows(self.segments)
        expected = (len(self.words), self.segments.shape[1])
        if self.texts.shape != expected:
            raise ValueError(f"texts have shape {self.texts.shape}, expected {expected}")
        if len(self.coefficients) != len(FEATURES) + 1:
            raise ValueError(f"expected {len(FEATURES) + 1} coefficients")
        if min(self.coefficients[0], self.coefficients[2], self.coefficients[3]) < 0:
            raise ValueError("a coefficient of a score is negative: confidence would fall with it")

    @classmethod
    def from_background(
        cls,
        segments: NDArray[np.floating],
        words: Sequence[str],
        texts: NDArray[np.floating],
        coefficients: Sequence[float] = DEFAULT_COEFFICIENTS,
        classes: ClassEvidence | None = None,
    ) -> Calibration:
        """A calibration with this background and, unless given, coefficients for nobody's data.

        Args:
            segments: G×D vectors, of any length above zero.
            words: K names.
            texts: K×D vectors of these.
            coefficients: weights of the logistic, as the attribute.
            classes: rule for classes, as the attribute.

        Raises:
            ValueError: the arrays do not belong together.
        """
        _require_rows(segments)
        return cls(_unit(segments), tuple(words), _unit(texts), tuple(coefficients), classes)

    def confidence(self, query: Floats, matches: Floats) -> Floats:
        """N float32: the probability that each segment shows what was asked.

        Args:
            query: D, the composed query vector; its length does not matter.
            matches: N×D unit vectors of the segments that were found.
        """
        return self.confidences(query[None], [matches])[0]

    def confidences(self, queries: Floats, matches: Sequence[Floats]) -> list[Floats]:
        """The `confidence` of each query's matches; the background passes by once for all.

        Args:
            queries: Q×D composed query vectors.
            matches: Q arrays of N×D unit vectors, N of each query's own.
        """
        judged = _unit(self._judged(queries))
        backgrounds = Background.of(judged @ self.segments.T)
        found = []
        for query, part, own, background in zip(queries, judged, matches, backgrounds, strict=True):
            logits = self._logits(self._evidence(part, self._judged(own), background))
            if self.classes is not None:
                logits = logits + self.classes.logits(query, own, self.segments.shape[1])
            found.append(_logistic(logits).astype(np.float32))
        return found

    def probability(self, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """N float64: the logistic of N rows of evidence."""
        return _logistic(self._logits(evidence))

    def _logits(self, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = np.array(self.coefficients)
        return np.asarray(evidence @ weights[:-1] + weights[-1], np.float64)

    def _judged(self, vectors: Floats) -> Floats:
        """The components that the background has, too; where there are others, as unit rows."""
        return vectors if self.classes is None else _unit(vectors[:, : self.segments.shape[1]])

    def evidence(self, query: Floats, matches: Floats) -> NDArray[np.float64]:
        """Evidence that the confidence is computed from; arguments as there.

        Returns:
            N×4, columns as in `FEATURES`: how far the score lies above the background's median,
            in robust standard deviations; how far the background's own tail does; by how much
            the score exceeds that of the rival words, the best one mostly; the score itself.
        """
        queries = _unit(self._judged(np.asarray(query, np.float32)[None]))
        (background,) = Background.of(queries @ self.segments.T)
        return self._evidence(queries[0], self._judged(matches), background)

    def _evidence(
        self, query: Floats, matches: Floats, background: Background
    ) -> NDArray[np.float64]:
        score = matches @ query
        prominence = (score - background.middle) / background.spread
        tail = (background.tail - background.middle) / background.spread
        to_words = np.concatenate([query[None], matches]) @ self.texts.T
        rival = to_words[0] < SYNONYM
        rivalry = score
        if rival.any():
            powers = np.exp(SHARPNESS * to_words[1:].astype(np.float64))
            rivalry = score - np.log(powers @ rival) / SHARPNESS
        columns = [prominence, np.full(len(matches), tail), rivalry, score]
        return np.stack(columns, axis=1).astype(np.float64)

    def save(self, path: Path) -> None:
        """Write it to a safetensors file, vectors as int8: their length is 1 whatever the scale."""
        from safetensors.numpy import save_file

        tensors: dict[str, NDArray[Any]] = {
            "segments": _whole_numbers(self.segments),
            "texts": _whole_numbers(self.texts),
            "coefficients": np.array(self.coefficients, np.float64),
        }
        told = {"words": json.dumps(self.words)}
        if self.classes is not None:
            told["classes"] = json.dumps(asdict(self.classes))
        save_file(tensors, path, metadata=told)

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """The calibration in a safetensors file.

        Raises:
            WeightsMismatch: the file holds none.
        """
        from model.weights.tensor_file import network_file

        remedy = "reinstall segsearch, or fit it again (python -m model.training.calibration)"
        with network_file(path, "a calibration", remedy) as (metadata, tensors):
            return cls.from_background(
                tensors["segments"].numpy(),
                json.loads(metadata["words"]),
                tensors["texts"].numpy(),
                tensors["coefficients"].tolist(),
                ClassEvidence(**json.loads(metadata["classes"])) if "classes" in metadata else None,
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


def _quantile(ascending: Floats, share: float) -> NDArray[np.float64]:
    """Quantile of each of Q rows of sorted scores, as `numpy.quantile`, which sorts them anew."""
    place = share * (ascending.shape[1] - 1)
    below = int(place)
    above = min(below + 1, ascending.shape[1] - 1)
    low, high = ascending[:, below].astype(np.float64), ascending[:, above]
    return np.asarray(low + (place - below) * (high - low), np.float64)
