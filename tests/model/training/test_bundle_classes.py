import torch

from model.datasets.sighting import Sighting
from model.training.bundle_classes import dampened, fitted_codes


def test_codes_lie_apart_and_those_of_a_kind_around_their_mean() -> None:
    kinds = [(0, 1, 2, 3), (4, 5)]
    codes = fitted_codes(kinds, classes=60, steps=60)
    torch.testing.assert_close(codes.norm(dim=1), torch.ones(60))
    cosines = codes @ codes.T
    assert (cosines - 2 * torch.eye(60)).max() < 0.7
    for kind in kinds:
        near = (cosines[list(kind)].mean(dim=0)).topk(len(kind)).indices
        assert sorted(near.tolist()) == list(kind)


def test_words_that_were_taught_ask_less() -> None:
    words = {"wheel": Sighting((1,), 1.0), "anvil": Sighting((2,), 1.0)}
    assert dampened(words, {"wheel"}) == words | {"wheel": Sighting((1,), 0.3)}
