"""PhotoReferrer: referring expressions in photos that nobody has indexed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog.records import PhotoRow, SegmentRow
from model.masks.segments import Segments
from model.photos.files import read_once
from model.photos.images import content_hash, read_header, read_image
from model.presets.preset import DEFAULT, Models, load_preset
from model.referring.referrer import Referrer, Views
from model.referring.scoring import Scene
from model.referring.settings import global_local_settings
from model.stores.urls import absolute_place
from searchengine.matches.explanation import Explanation
from searchengine.matches.match import Match
from searchengine.matches.matches import Matches
from searchengine.queries.query import Query
from searchengine.queries.understanding import interpret
from searchengine.search.refer import read, stages_of

if TYPE_CHECKING:
    from model.calibration import Calibration


class PhotoReferrer:
    """Resolver of referring expressions in single photos, with a preset's models.

    Models are loaded when they are first needed; the last photo stays, with its segments.

    Args:
        preset: name or TOML path; by default `nano`.
    """

    def __init__(self, preset: str | None = None) -> None:
        self.preset = load_preset(preset or DEFAULT)
        self._last: tuple[str, bytes, PhotoRow, Segments, Views, Scene] | None = None

    @cached_property
    def _models(self) -> Models:
        return self.preset.build()

    @cached_property
    def _referrer(self) -> Referrer:
        looks = global_local_settings(self.preset.referring)
        if looks is None:
            return Referrer(self._models.embedder)
        from model.referring.global_local_referrer import GlobalLocalReferrer

        return GlobalLocalReferrer.of(self.preset, looks)

    @cached_property
    def _calibration(self) -> Calibration | None:
        # what a preset has is fitted to its embedder's vectors
        return self.preset.calibration() if type(self._referrer) is Referrer else None

    def refer(self, photo: Path | str, expression: str, k: int = 5) -> Matches:
        """The segments of a photo that an expression may mean, best first.

        Ids of segments are their numbers in the photo, from 1; the photo has none (0).

        Args:
            photo: an image file, or the URL of one, indexed or not.
            expression: any text; what is no referring expression is searched as it stands.
            k: matches at most.

        Raises:
            PhotoError: the photo cannot be read.
            QueryError: nothing is asked.
        """
        query = Query(words=expression, k=k, refer=True)
        understood = interpret(query)
        reading = read(understood.expression(query))
        assert reading is not None
        row, segments, views, scene = self._look(photo)
        referrer = self._referrer
        scores = referrer.scores_of(views, scene, reading.expression)
        calibration = self._calibration
        asked = reading.expression.phrase or reading.expression.text
        confidences: list[float | None] = [None] * len(segments)
        if calibration is not None and len(segments):
            said = scores.stages[:, 1:].sum(axis=1)
            belief = np.exp(said - said.max())
            judged = calibration.confidence(views.encode([asked])[0], views.vectors) * belief
            if reading.expression.relations:
                for thing in views.encode(tuple(reading.expression.required())):
                    near = views.vectors[[int((views.vectors @ thing).argmax())]]
                    judged = np.minimum(judged, calibration.confidence(thing, near))
            confidences = judged.tolist()
        order = scores.best()[:k]
        least, items = 1.0, []
        for rank, i in enumerate(order.tolist(), start=1):
            own = confidences[i]
            least = least if own is None else min(least, own)
            score = float(scores.total[i]) / referrer.settings.sharpness
            shown = None if own is None else least
            items.append(Match(rank, score, shown, row, _segment(i, segments)))
        explanation = Explanation(
            reading.expression,
            reading.reason,
            1,
            len(segments),
            stages_of(scores),
            (*reading.notes, *scores.notes),
        )
        answered = tuple(items)
        if not understood.answerable:
            answered = tuple(match.doubted() for match in answered)
        return Matches(
            answered,
            expression,
            "",
            self.preset.name,
            asked=query,
            understood=understood.query,
            not_understood=understood.not_understood,
            explanation=explanation,
            translations=understood.translations,
        )

    def _look(self, photo: Path | str) -> tuple[PhotoRow, Segments, Views, Scene]:
        """The photo, its segments and what the models see of them."""
        path = absolute_place(photo)
        source = read_once(path)
        digest = content_hash(source)
        if self._last is None or self._last[:2] != (path, digest):
            header = read_header(source)
            image = read_image(source, max_side=self.preset.image_side, finer_panoramas=True)
            segments = self._models.segmenter.segment(image)
            views = self._referrer.look(image, segments)
            row = PhotoRow(
                0, path, digest, header.format, image.original_size, header.orientation,
                None, None, None, None, 0, (path,),
            )  # fmt: skip
            self._last = path, digest, row, segments, views, Scene.of(segments)
        return self._last[2:]


def _segment(number: int, segments: Segments) -> SegmentRow:
    x0, y0, x1, y1 = segments.boxes[number].tolist()
    parent = int(segments.parents[number])
    return SegmentRow(
        number + 1,
        0,
        number,
        segments.size,
        segments.counts[number],
        (x0, y0, x1, y1),
        int(segments.areas[number]),
        float(segments.quality[number]),
        parent + 1 if parent >= 0 else None,
        0,
    )
