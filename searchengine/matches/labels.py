"""Labels: the classes of a data set, each asked by words of its own.

A thing gets one label. Of masks of one thing that answer for several labels the surest keeps its
own, by the calibrated confidence, which unlike the score can be compared between questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model.errors import QueryError, shown
from model.masks import rle
from model.masks.grouping import same_object
from searchengine.matches.match import Match
from searchengine.matches.matches import Matches

LARGEST = 1 << 20  # bytes of a file of labels


@dataclass(frozen=True)
class Label:
    """A class of a data set.

    Attributes:
        name: the name that it has there.
        words: questions; what answers one of them shows it.

    Raises:
        QueryError: there is no name or no word.
    """

    name: str
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.words or not all(w.strip() for w in self.words):
            raise QueryError(
                f"the label '{shown(self.name)}' lacks a name or words",
                'give both, as in "door: car door"',
            )


def read_labels(file: Path) -> tuple[Label, ...]:
    """Labels of a file: one a line, `NAME` or `NAME: WORDS`; lines with one name add words to it.

    Blank lines, and those that begin with "#", are passed over.

    Raises:
        QueryError: the file cannot be read, is no text, or holds no label.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise QueryError(
            f"the labels {shown(file)} cannot be read ({error.strerror})", "name a text file"
        ) from error
    except UnicodeDecodeError as error:
        raise QueryError(f"{shown(file)} is no text in UTF-8", "save it as UTF-8") from error
    if len(data) > LARGEST:
        raise QueryError(f"{shown(file)} is larger than 1 MB", "name a file with a label a line")
    words: dict[str, list[str]] = {}
    for line in map(str.strip, text.splitlines()):
        if line and not line.startswith("#"):
            name, _, said = line.partition(":")
            words.setdefault(name.strip(), []).append(said.strip() or name.strip())
    if not words:
        raise QueryError(f"{shown(file)} holds no label", "write one a line, as in car door")
    return as_labels(words)


def as_labels(given: Mapping[str, str | Sequence[str]] | Iterable[str]) -> tuple[Label, ...]:
    """Labels from names and the words of each, or from names that are their own words.

    Raises:
        QueryError: a label lacks a name or words.
    """
    if isinstance(given, Mapping):
        return tuple(
            Label(name, (said,) if isinstance(said, str) else tuple(said))
            for name, said in given.items()
        )
    return tuple(Label(name, (name,)) for name in dict.fromkeys(given))


def labelled(answers: Sequence[tuple[Label, Matches]], least: float = 0.0) -> tuple[Match, ...]:
    """The matches of all labels, surest first and ranked anew; each thing has one label.

    Args:
        answers: labels with what answers each of their questions; a label may come several times.
        least: least confidence of a match.
    """
    found = [replace(match, label=label.name) for label, matches in answers for match in matches]
    sure = [match for match in found if (match.confidence or 0.0) >= least]
    sure.sort(key=lambda match: (-(match.confidence or 0.0), -(match.score or 0.0)))
    kept: dict[int, list[Match]] = {}
    chosen: list[Match] = []
    for match in sure:
        beside = kept.setdefault(match.photo.id, [])
        if not _shows_one_of(match, beside):
            beside.append(match)
            chosen.append(replace(match, rank=len(chosen) + 1))
    return tuple(chosen)


def _shows_one_of(match: Match, others: Sequence[Match]) -> bool:
    """Whether a mask is of one thing with another of its photo."""
    if not others:
        return False
    if any(match.segment_id == other.segment_id for other in others):
        return True
    mine = match.segment
    near = [other for other in others if other.segment.frame == mine.frame]
    if not near:
        return False
    iou = rle.iou((mine.counts,), tuple(other.segment.counts for other in near), mine.frame)[0]
    areas = np.array([other.segment.area for other in near])
    same, _ = same_object(iou, np.int64(mine.area), areas)
    return bool(same.any())
