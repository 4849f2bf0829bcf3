import numpy as np
import torch
from closeness import assert_close

from model.training.prompts.prompt_losses import overlap, prompt_terms


def test_the_terms_are_those_of_a_loop() -> None:
    torch.manual_seed(0)
    photos, regions = 2, 2
    cover = (torch.rand(photos, regions, 8, 8) > 0.6).float()
    logits = torch.randn(photos, regions, 4, 8, 8)
    logits[0, 0, 2] = 9 * cover[0, 1] - 4  # the other region of its photo
    estimates = torch.rand(photos, regions, 4)
    exhaustive = torch.tensor([False, True])

    def iou(mask: torch.Tensor, region: torch.Tensor) -> float:
        ours, true = mask > 0, region > 0.5
        return float((ours & true).sum() / (ours | true).sum())

    focal, dice, errors, best_fits = [], [], [], []
    for photo in range(photos):
        for region in range(regions):
            true = cover[photo, region]
            fits = [iou(mask, true) for mask in logits[photo, region]]
            best = 1 + int(np.argmax(fits[1:]))
            best_fits.append(fits[best])
            for hypothesis in (0, best):
                inside = torch.sigmoid(logits[photo, region, hypothesis])
                entropy = -(true * inside.log() + (1 - true) * (1 - inside).log())
                focal.append(float(((inside - true).abs() ** 2 * entropy).mean()))
                common = float((inside * true).sum())
                dice.append(1 - (2 * common + 1) / (float(inside.sum() + true.sum()) + 1))
            for hypothesis in range(4):
                mask = logits[photo, region, hypothesis]
                reached = max(iou(mask, other) for other in cover[photo])
                if exhaustive[photo] or reached > 0.5 or hypothesis in (0, best):
                    errors.append((float(estimates[photo, region, hypothesis]) - reached) ** 2)
    expected = [np.mean(part) for part in (focal, dice, errors, best_fits)]
    got = prompt_terms(logits, estimates, cover, exhaustive)
    assert_close(got, expected, terms=3 * 64 + photos * regions * 4)


def test_overlaps_are_counted() -> None:
    cover = torch.zeros(1, 1, 2, 2)
    cover[..., 0] = 0.7
    logits = torch.tensor([[[[[1.0, -1], [-1, -1]], [[1, 1], [1, 1]], [[-1, -1], [-1, -1]]]]])
    assert overlap(logits, cover).tolist() == [[[0.5, 0.5, 0.0]]]
