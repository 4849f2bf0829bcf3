import torch
from closeness import assert_close

from model.encoders.efficientnet import EfficientNetTrunk
from model.segmenters.promptable.network import PromptedSam, PromptedShape
from model.training.prompts.photo_prompts import Prompts


def test_prompts_are_tokens_of_one_length() -> None:
    network = PromptedSam(EfficientNetTrunk.shared(), PromptedShape(32, 2, 32, 16), 96)
    cover = torch.zeros(2, 4, 24, 24)
    cover[:, :, 4:12, 6:18] = 1
    first = Prompts.first(cover)
    tokens, dense = first.encoded(network.prompt_encoder)
    assert tokens.shape == (8, 2, 32)
    again = first.corrected(torch.full_like(cover, -1), cover)
    tokens, dense = again.encoded(network.prompt_encoder)
    assert (tokens.shape, dense.shape) == ((8, 3, 32), (8, 32, 6, 6))
    assert again.labels.tolist() == [[[1, 1]] * 2] * 2
    corners, _ = network.prompt_encoder(None, first.boxes[1], None)
    assert_close(first.encoded(network.prompt_encoder)[0][6:], corners, terms=4)
