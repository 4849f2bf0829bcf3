"""PMP on a published host: Mask2Former or MaskFormer whose queries know the words of a prompt.

The host is transformers' own, unchanged; the gates sit behind the norm of each decoder layer's
cross-attention to the photo, where a forward hook lets them see the layer's queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Mask2FormerForUniversalSegmentation, MaskFormerForInstanceSegmentation
from transformers.models.mask2former.modeling_mask2former import Mask2FormerLoss
from transformers.models.maskformer.modeling_maskformer import MaskFormerLoss

from model.errors import WeightsMismatch
from model.proposals.prompt_tokens import PromptTokens
from model.proposals.text_gate import TextGate

SHOWN, NOTHING = 0, 1


@dataclass(frozen=True, eq=False)
class HostAnswers:
    """Answers of a host's N queries for B photos, by decoder layers, the last one's last.

    Attributes:
        masks: L tensors B×N×h×w of mask logits at a quarter of the input.
        shows: L tensors B×N×2 of logits: `SHOWN`, the query shows the prompt, or `NOTHING`. An
            empty prompt is shown by whatever is of any class, as the host's own head says.
    """

    masks: tuple[Tensor, ...]
    shows: tuple[Tensor, ...]


class QueryHost(nn.Module):
    """A Mask2Former or MaskFormer with PMP's gate in every layer, and a head "shows the prompt".

    With all gates at 0, as they are to begin with, masks are the host's own; with an empty prompt
    they always are, and so is what is shown.

    Args:
        host: the segmentation network.
        text_width: components of a prompt's token.

    Raises:
        WeightsMismatch: the host is none of the two, normalises before its attention (there a
            gate would see sums that no norm bounds), or leaves out whole layers while it learns,
            with their gates.
    """

    def __init__(self, host: Any, text_width: int) -> None:
        super().__init__()
        layers, width, heads = _decoder_of(host)
        self.host = host
        self.gates = nn.ModuleList(TextGate(width, text_width, heads) for _ in layers)
        self.shows = nn.Linear(width, 2)
        self._criterion = _two_way_loss(host)
        self._prompt: PromptTokens | None = None
        sequence_first = isinstance(host, Mask2FormerForUniversalSegmentation)
        for layer, gate in zip(layers, self.gates, strict=True):
            name = "cross_attn_layer_norm" if sequence_first else "encoder_attn_layer_norm"
            layer.get_submodule(name).register_forward_hook(self._told(gate, sequence_first))

    def forward(self, pixels: Tensor, prompt: PromptTokens) -> HostAnswers:
        """Masks under the prompts' guidance.

        Args:
            pixels: B×3×H×W, normalised as the host expects it.
            prompt: words of B prompts.
        """
        self._prompt = prompt
        try:
            states, masks = self._decoded(pixels)
        finally:
            self._prompt = None
        asked = prompt.seen.any(dim=1)[:, None, None]
        shows = (torch.where(asked, self.shows(state), self._anything(state)) for state in states)
        return HostAnswers(masks, tuple(shows))

    def loss(self, answers: HostAnswers, targets: Sequence[Tensor]) -> dict[str, Tensor]:
        """The host's losses with two classes, weighted as the host weights them; "loss" is the sum.

        Hungarian matching, cross-entropy with the host's weight of no object, mask and dice terms,
        each summed over the decoder layers; in float32.

        Args:
            answers: answers for B photos.
            targets: B tensors M×H×W of 0 and 1, the regions that show the prompt; M may be 0.

        Returns:
            "loss_cross_entropy", "loss_mask", "loss_dice", and "loss".
        """
        device = answers.masks[-1].device
        labels = [
            torch.full((len(each),), SHOWN, dtype=torch.int64, device=device) for each in targets
        ]
        layers = [
            {"masks_queries_logits": masks.float(), "class_queries_logits": shows.float()}
            for masks, shows in zip(answers.masks, answers.shows, strict=True)
        ]
        with torch.autocast(device.type, enabled=False):
            terms = self._criterion(
                **layers[-1],
                mask_labels=[each.float() for each in targets],
                class_labels=labels,
                auxiliary_predictions=layers[:-1],
            )
        weighted = {
            kind: weight * torch.stack([terms[name] for name in terms if kind in name]).sum()
            for kind, weight in self.host.weight_dict.items()
        }
        return weighted | {"loss": torch.stack(list(weighted.values())).sum()}

    def _decoded(self, pixels: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Queries (B×N×C) and mask logits by layers, as the host's own head reads them."""
        seen = self.host.model(pixels, output_hidden_states=True, return_dict=True)
        if isinstance(self.host, Mask2FormerForUniversalSegmentation):
            states = tuple(
                state.transpose(0, 1) for state in seen.transformer_decoder_intermediate_states
            )
            return states, tuple(seen.masks_queries_logits)
        states = (seen.transformer_decoder_last_hidden_state,)
        if self.host.config.use_auxiliary_loss:
            states = tuple(seen.transformer_decoder_hidden_states[1:])  # the first are the inputs
        cells = seen.pixel_decoder_last_hidden_state
        masks = tuple(
            torch.einsum("bqc, bchw -> bqhw", self.host.mask_embedder(state), cells)
            for state in states
        )
        return states, masks

    def _anything(self, state: Tensor) -> Tensor:
        """B×N×2 logits of the host's own head: something of a class that it knows, or nothing."""
        classes = self.host.class_predictor(state)  # nothing is the last one
        return torch.stack([classes[..., :-1].logsumexp(dim=2), classes[..., -1]], dim=2)

    def _told(self, gate: nn.Module, sequence_first: bool) -> Any:
        def hook(_: nn.Module, __: Any, queries: Tensor) -> Tensor:
            if self._prompt is None:
                return queries
            if sequence_first:
                queries = queries.transpose(0, 1)
            told: Tensor = gate(queries, self._prompt)
            return told.transpose(0, 1) if sequence_first else told

        return hook


def _decoder_of(host: Any) -> tuple[Sequence[nn.Module], int, int]:
    """Layers of a host's decoder, and components and heads of its queries."""
    fix = "name a Mask2Former or MaskFormer with norms after its attention, of whole layers"
    if isinstance(host, Mask2FormerForUniversalSegmentation):
        config = host.config
        if config.pre_norm:
            raise WeightsMismatch("the host normalises before its attention (pre_norm)", fix)
        width, heads = config.hidden_dim, config.num_attention_heads
        left_out = config.dropout  # transformers takes one number for both
    elif isinstance(host, MaskFormerForInstanceSegmentation):
        config = host.config.decoder_config
        width, heads = config.d_model, config.decoder_attention_heads
        left_out = config.decoder_layerdrop
    else:
        raise WeightsMismatch(f"{type(host).__name__} is no host for prompts", fix)
    if left_out:
        raise WeightsMismatch(f"the host leaves out whole layers ({left_out})", fix)
    layers: Sequence[nn.Module] = host.model.transformer_module.decoder.layers
    return layers, width, heads


def _two_way_loss(host: Any) -> nn.Module:
    """The host's criterion for the classes `SHOWN` and `NOTHING`."""
    if isinstance(host, Mask2FormerForUniversalSegmentation):
        config = deepcopy(host.config)
        config.num_labels = 1
        criterion: nn.Module = Mask2FormerLoss(config, host.weight_dict)
    else:
        weight = host.config.no_object_weight
        criterion = MaskFormerLoss(1, host.matcher, host.weight_dict, weight)
    return criterion
