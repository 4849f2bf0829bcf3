from itertools import permutations

import pytest
import torch
from closeness import assert_close

from model.proposals.word_guided import WordAnswers
from model.training.guided_masks.matching import cover_boxes, look_terms, matched


def answers(prompts: int = 2, queries: int = 4) -> WordAnswers:
    chance = torch.Generator().manual_seed(0)
    corners = torch.rand(prompts, queries, 2, 2, generator=chance).sort(dim=2).values
    return WordAnswers(
        torch.randn(prompts, queries, generator=chance),
        corners.flatten(2),
        torch.randn(prompts, queries, 6, 6, generator=chance),
        torch.zeros(prompts, queries, 2, 8),
    )


def squares(*places: tuple[int, int]) -> torch.Tensor:
    cover = torch.zeros(len(places), 6, 6)
    for each, (row, column) in zip(cover, places, strict=True):
        each[row : row + 2, column : column + 3] = 1
    return cover


def test_boxes_lie_around_what_is_covered() -> None:
    cover = squares((1, 2))
    assert_close(cover_boxes(cover), torch.tensor([[2, 1, 5, 3]]) / 6, 4)
    thin = torch.zeros(1, 6, 6)
    thin[0, 4, 1:4] = 0.2  # no cell is half covered: the best ones count
    assert_close(cover_boxes(thin), torch.tensor([[1, 4, 4, 5]]) / 6, 4)


@pytest.mark.numeric
def test_the_matching_is_the_best_of_all() -> None:
    answer, cover = answers(), (squares((0, 0), (3, 2)), squares()[:0])
    prompts, queries, regions = matched(answer, cover)
    assert prompts.tolist() == [0, 0]
    assert sorted(regions.tolist()) == [0, 1]

    def cost(query: int, region: int) -> float:
        inside, true = answer.coarse[0, query].sigmoid(), cover[0][region]
        logits = answer.coarse[0, query]
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, true)
        dice = 1 - (2 * (inside * true).sum() + 1) / (inside.sum() + true.sum() + 1)
        away = (answer.boxes[0, query] - cover_boxes(cover[0])[region]).abs().sum()
        return float(5 * entropy + 5 * dice + 5 * away - 2 * answer.shows[0, query].sigmoid())

    found = sum(cost(q, r) for q, r in zip(queries.tolist(), regions.tolist(), strict=True))
    best = min(cost(a, 0) + cost(b, 1) for a, b in permutations(range(4), 2))
    assert_close(torch.tensor(found), torch.tensor(best), 64, "float32")


def test_a_look_that_is_right_costs_nearly_nothing() -> None:
    cover = (squares((0, 0), (3, 2)),)
    coarse = torch.full((1, 3, 6, 6), -20.0)
    coarse[0, 1:] = 40 * cover[0] - 20
    boxes = torch.cat([torch.tensor([[0.0, 0, 1, 1]]), cover_boxes(cover[0])])[None]
    right = WordAnswers(torch.tensor([[-20.0, 20, 20]]), boxes, coarse, torch.zeros(1, 3, 2, 8))
    pairs = matched(right, cover)
    assert pairs[1].tolist() == [1, 2]
    terms = look_terms(right, pairs, cover)
    assert all(float(value) < 1e-4 for value in terms.values())
    wrong = look_terms(answers(1, 3), pairs, cover)
    assert all(float(wrong[name]) > 0.1 for name in terms)


def test_prompts_that_nothing_shows_teach_that_alone() -> None:
    answer, cover = answers(), (squares()[:0], squares()[:0])
    terms = look_terms(answer, matched(answer, cover), cover)
    assert float(terms["shows"]) > 0
    assert float(terms["box"]) == float(terms["coarse"]) == 0
