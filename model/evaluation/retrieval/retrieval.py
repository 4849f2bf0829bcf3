"""Measure of how well words find what is in photos: segments, colours of segments, and photos."""

from __future__ import annotations

from collections.abc import Sequence

from model.datasets.ground_truth import Truth
from model.evaluation.retrieval.attribute_tables import Encode, coloured, placed
from model.evaluation.retrieval.observations import Observations
from model.evaluation.retrieval.photo_tables import phrase_to_photo, text_to_photo
from model.evaluation.retrieval.segment_tables import Propose, own_masks, true_masks
from model.evaluation.tables import Table


def measure_retrieval(
    truth: Truth,
    observations: Observations,
    preset: str,
    encode: Encode,
    unseen: Sequence[str] = (),
    propose: Propose | None = None,
) -> tuple[Table, ...]:
    """All that can be told of one look at the photos.

    Args:
        truth: the photos.
        observations: vectors and truths of the photos; the first proposals are the preset's own.
        preset: its name, for the columns.
        encode: T texts to T×D unit vectors.
        unseen: phrases that were held out of training.
        propose: maker of proposals beside the preset's own masks; None: none are made.
    """
    tables = []
    if observations.phrases:
        tables = [
            true_masks(truth, observations, preset, encode, unseen),
            own_masks(truth, observations, preset, encode, unseen, propose),
            phrase_to_photo(truth, observations, preset, encode),
            coloured(observations, preset, encode),
            placed(observations, preset, encode),
        ]
    tables.append(text_to_photo(truth, observations, preset, encode))
    return tuple(table for table in tables if table.rows)
