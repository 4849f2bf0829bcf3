"""CLIP's networks through open_clip: the architecture by name, the weights from a local file.

Words need one side of the network and photos the other. What is not asked for is not built, and
its values are not read from the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from model.errors import PresetInvalid, WeightsMismatch, shown
from model.weights.offline import offline
from model.weights.tensor_file import LARGEST_TOWER, read_pickle, require_finite, require_size

Side = Literal["image", "text"]
SIDES: tuple[Side, ...] = ("image", "text")
_SCALES = ("logit_scale", "logit_bias")  # of scores in training


@dataclass(frozen=True, eq=False)
class ClipNetwork:
    """A frozen network and what belongs to it.

    Attributes:
        network: open_clip's, in evaluation mode, with the sides that were asked for.
        tokenizer: texts to N×T token numbers; None without the text side.
        mean: means of red, green and blue in [0, 1], subtracted from the input.
        deviation: deviations of red, green and blue, by which the input is divided.
        device: device of the network.
        dtype: number format of the arithmetic.
    """

    network: Any
    tokenizer: Any
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    device: torch.device
    dtype: torch.dtype


def load_clip(
    weights: Path,
    architecture: str,
    tag: str = "",
    tokenizer: Path | None = None,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
    sides: tuple[Side, ...] = SIDES,
) -> ClipNetwork:
    """The network of an open_clip checkpoint, or one side of it; nothing is downloaded.

    Args:
        weights: safetensors, or anything that torch reads with `weights_only`.
        architecture: a name that open_clip knows, or the path of a configuration like its own.
        tag: open_clip's name of the weights: tells whether they need QuickGELU, and how their
            input is standardised. Without one, OpenAI's values.
        tokenizer: folder of a transformers tokenizer, or a file in it, where one is needed.
        device: the CPU by default.
        dtype: number format of the arithmetic.
        sides: sides that are wanted; the file's tensors of others are not read.

    Raises:
        PresetInvalid: open_clip does not know the architecture or the tag, or a tokenizer is
            needed and not given.
        WeightsMismatch: the file does not hold weights of this architecture.
    """
    import open_clip
    from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

    config = _config(architecture)
    facts: dict[str, Any] = open_clip.get_pretrained_cfg(architecture, tag) if tag else {}
    if tag and not facts:
        known = ", ".join(open_clip.list_pretrained_tags_by_model(architecture)) or "none"
        raise PresetInvalid(
            f"open_clip knows no weights '{shown(tag)}' of {shown(architecture)}",
            f"choose one of {known}",
        )
    device = device or torch.device("cpu")
    with offline():  # it may name models of the hub
        network = _empty(config, bool(facts.get("quick_gelu")), sides, device, dtype)
    try:
        _fill(network, weights, sides)
    except Exception as error:  # torch, safetensors and open_clip raise what they like
        raise WeightsMismatch(
            f"{shown(weights)} does not hold open_clip weights of {shown(architecture)}",
            "name the architecture that the file was made for, or fetch the file again",
        ) from error
    return ClipNetwork(
        network.eval().requires_grad_(False),
        _tokenizer(config, tokenizer) if "text" in sides else None,
        tuple(facts.get("mean") or OPENAI_DATASET_MEAN),
        tuple(facts.get("std") or OPENAI_DATASET_STD),
        device,
        dtype,
    )


def _config(architecture: str) -> dict[str, Any]:
    import open_clip

    if architecture.endswith(".json"):
        try:
            config = json.loads(Path(architecture).read_text(encoding="utf-8"))
            return dict(config.get("model_cfg", config))
        except (OSError, ValueError, AttributeError) as error:
            raise PresetInvalid(
                f"{shown(architecture)} is no configuration of open_clip", "mend the path"
            ) from error
    if "/" in architecture or architecture not in open_clip.list_models():
        raise PresetInvalid(
            f"open_clip knows no architecture '{shown(architecture)}'",
            "choose one of open_clip.list_models(), as in ViT-B-16",
        )
    return dict(open_clip.get_model_config(architecture))


def _empty(
    config: dict[str, Any],
    quick_gelu: bool,
    sides: tuple[Side, ...],
    device: torch.device,
    dtype: torch.dtype,
) -> nn.Module:
    """The sides of the network with no values in them: random ones take seconds and are
    overwritten."""
    from open_clip.model import CLIP, CustomTextCLIP

    config = dict(config)
    kind = CustomTextCLIP if config.pop("custom_text", False) else CLIP
    config["quick_gelu"] = quick_gelu or config.get("quick_gelu", False)
    try:
        with torch.device("meta"):
            network: nn.Module = kind(**config)
    except (TypeError, KeyError, ValueError, OSError) as error:
        raise PresetInvalid(
            f"the configuration is not one of a CLIP ({shown(error)})",
            "choose an architecture of two plain towers, as ViT-B-16",
        ) from error
    for name in [*dict(network.named_children()), *dict(network.named_parameters(recurse=False))]:
        if name in _SCALES or _side(name) not in sides:
            delattr(network, name)
    network = network.to(dtype).to_empty(device=device)
    for module in network.modules():  # no checkpoint holds it
        mask = getattr(module, "attn_mask", None)
        if isinstance(mask, Tensor):
            mask.fill_(float("-inf")).triu_(1)
    return network


def _fill(network: Any, weights: Path, sides: tuple[Side, ...]) -> None:
    """Copy a checkpoint's tensors of some sides into the network, all of them and no others."""
    from open_clip.model import (
        convert_to_custom_text_state_dict,
        resize_pos_embed,
        resize_text_pos_embed,
    )

    tensors = _tensors(weights, sides)
    if "positional_embedding" in tensors and not hasattr(network, "positional_embedding"):
        tensors = convert_to_custom_text_state_dict(tensors)
    # numbers of the places, which older versions of transformers wrote
    tensors.pop("text.transformer.embeddings.position_ids", None)
    if "image" in sides:
        resize_pos_embed(tensors, network)
    if "text" in sides:
        resize_text_pos_embed(tensors, network)
    require_finite(tensors)
    network.load_state_dict(tensors)


def _tensors(path: Path, sides: tuple[Side, ...]) -> dict[str, Tensor]:
    """A checkpoint's tensors of some sides, mapped into memory where the format allows it."""
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        require_size(path, LARGEST_TOWER)
        with safe_open(path, framework="pt") as file:
            names = _names(file.keys(), sides)
            return {name: file.get_tensor(held) for held, name in names.items()}
    held = read_pickle(path, mapped=True)
    tensors = held.get("state_dict", held)
    return {name: tensors[each] for each, name in _names(tensors, sides).items()}


def _names(held: Iterable[str], sides: tuple[Side, ...]) -> dict[str, str]:
    """Names of the tensors that count: their names in the network by those in the file."""
    names = {name: name.removeprefix("module.") for name in held}
    return {k: name for k, name in names.items() if name not in _SCALES and _side(name) in sides}


def _side(name: str) -> Side:
    return "image" if name.partition(".")[0] == "visual" else "text"


def _tokenizer(config: dict[str, Any], path: Path | None) -> Any:
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    text = config["text_cfg"]
    length, settings = text.get("context_length", 77), text.get("tokenizer_kwargs", {})
    if not text.get("hf_tokenizer_name"):
        return SimpleTokenizer(context_length=length, **settings)
    if path is None:
        raise PresetInvalid(
            f"this architecture needs the tokenizer {text['hf_tokenizer_name']}",
            "name its folder in the preset's file, as [weights.tokenizer]",
        )
    folder = path if path.is_dir() else path.parent
    try:
        return HFTokenizer(str(folder), context_length=length, local_files_only=True, **settings)
    except (OSError, ValueError) as error:
        raise WeightsMismatch(
            f"{shown(folder)} holds no tokenizer of transformers", "fetch it again"
        ) from error
