"""The class part of an embedding: as which of the trunk's 1,000 classes a region is seen, and what
of these a text asks for.

Each class has a code, a direction of 41 numbers, so chosen that the codes of any two lie far apart
and those of one kind near to the mean of their kind (`model.training.bundle_classes`). A region's
part is the mean code by the classifier's probabilities; how much of its length they leave is one
more number, so that what the classifier doubts is near to no class.
"""

from __future__ import annotations

import bz2
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from model.datasets.sighting import Sighting
from model.embedders.attributes.joint_space import CLASS_DIMENSIONS, unit, without_looks
from model.language.plurals import singular
from model.weights.tensor_file import network_file

Floats = NDArray[np.float32]

CODE = CLASS_DIMENSIONS - 1
SHARPNESS = 3.0  # of the classifier's probabilities, which are flat: it learned smoothed labels
LONGEST = 4  # words of a text that names one thing
PARTLY = 0.4  # share of what covers a thing partly: its other kinds look otherwise
WITHIN = 0.2  # share of the coverage of a text's last words, where the whole text is no known word
MOST_TEXT = 8 << 20  # bytes of all words
ALIKE = (0.75, 0.95)  # cosines to a class's name from which a text means it a little, and wholly
_ARTICLE = re.compile(r"^(?:an?|the) ")


class ClassCodes:
    """Codes of the classes, and words for them.

    Args:
        codes: 1000×41 unit rows.
        words: sighting of each word, in lower case and the singular.
    """

    def __init__(self, codes: Floats, words: Mapping[str, Sighting]) -> None:
        if codes.ndim != 2 or codes.shape[1] != CODE:
            raise ValueError(f"codes of shape {codes.shape} are not of {CODE} numbers each")
        self._codes = codes
        self._words = words

    def of_segments(self, scores: Floats) -> Floats:
        """N×42 unit rows of the classifier's N×1000 logits, the mean of all looks."""
        shares = np.exp(SHARPNESS * (scores - scores.max(axis=1, keepdims=True)))
        seen = (shares / shares.sum(axis=1, keepdims=True)) @ self._codes
        rest = 1 - (seen**2).sum(axis=1, keepdims=True)
        return np.concatenate([seen, np.sqrt(np.maximum(rest, 0))], axis=1).astype(np.float32)

    def of_texts(self, texts: Sequence[str], sentences: Floats, names: Floats) -> Floats:
        """N×42 rows, as long as each text's classes cover what it means; zeros where none do.

        Args:
            texts: N texts.
            sentences: N×D unit rows of these in the sentence space, without looks.
            names: 1000×D unit rows of the classes' names there.
        """
        found = np.zeros((len(texts), CLASS_DIMENSIONS), np.float32)
        for row, text, sentence in zip(found, texts, sentences, strict=True):
            seen = self.sighting(text) or _named_alike(names @ sentence, text)
            if seen:
                meant = self._codes[list(seen.classes)].sum(axis=0)
                row[:CODE] = seen.coverage * unit(meant[None])[0]
        return found

    def sighting(self, text: str) -> Sighting | None:
        """What a text of a few words would be seen as: by all of them, or else by the last ones."""
        words = _ARTICLE.sub("", without_looks(text).lower().strip()).split()
        if len(words) > LONGEST:
            return None
        for start in range(len(words)):
            rest = " ".join(words[start:])
            one = " ".join([*words[start:-1], singular(words[-1])])
            seen = self._words.get(rest) or self._words.get(one)
            if seen and start:
                return seen.rarer(WITHIN)
            if seen:
                return seen.rarer(PARTLY) if seen.coverage < 1 else seen
        return None

    def save(self, path: Path) -> None:
        """Write them to a safetensors file, codes as float16, words compressed."""
        lines = [
            f"{word}\t{seen.coverage}\t{','.join(map(str, seen.classes))}"
            for word, seen in sorted(self._words.items())
        ]
        text = bz2.compress("\n".join(lines).encode())
        words = torch.from_numpy(np.frombuffer(text, np.uint8).copy())
        save_file({"codes": torch.from_numpy(self._codes).half(), "words": words}, path)

    @classmethod
    def load(cls, path: Path | None = None) -> ClassCodes:
        """The codes in a safetensors file; by default those for the bundled trunk.

        Raises:
            WeightsMismatch: the file holds none.
        """
        path = path or Path(str(files("model") / "presets" / "nano" / "classes.safetensors"))
        with network_file(path, "codes of classes", "give another file") as (_, tensors):
            fields = (line.split("\t") for line in _lines(tensors["words"].numpy().tobytes()))
            words = {
                word: Sighting(tuple(map(int, numbers.split(","))), float(coverage))
                for word, coverage, numbers in fields
            }
            codes = tensors["codes"].float().numpy()
            known = range(len(codes))
            if not all(number in known for seen in words.values() for number in seen.classes):
                raise ValueError("words mean classes that have no code")
            return cls(codes, words)


def _lines(packed: bytes) -> list[str]:
    """Lines of a compressed text, of which no more is unpacked than a lexicon may have."""
    unpacked = bz2.BZ2Decompressor()
    text = unpacked.decompress(packed, MOST_TEXT)
    if not unpacked.eof:
        raise ValueError(f"more than {MOST_TEXT} bytes of words")
    return text.decode().splitlines()


def _named_alike(cosines: Floats, text: str) -> Sighting | None:
    """The class whose name means nearly what a text of a few words means."""
    least, most = ALIKE
    best = int(cosines.argmax())
    coverage = float(np.clip((cosines[best] - least) / (most - least), 0, 1))
    few = len(text.split()) <= LONGEST
    return Sighting((best,), round(coverage, 2)) if few and coverage > 0 else None
