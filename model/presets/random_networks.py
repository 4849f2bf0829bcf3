"""The networks of the presets, freshly initialised: full size, or as small as they can be.

Sizes are those that the publications give; the public files hold just as many values.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from model.errors import PresetInvalid, shown
from model.presets.preset import Preset
from model.weights.sources import Published

DINO = {
    "dinov2-base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12},
    "dinov2-large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16},
}
HIERA: dict[str, dict[str, Any]] = {
    "sam2.1-hiera-base-plus": {
        "hidden_size": 112,
        "num_attention_heads": 2,
        "blocks_per_stage": [2, 3, 16, 3],
        "embed_dim_per_stage": [112, 224, 448, 896],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "global_attention_blocks": [12, 16, 20],
        "window_positional_embedding_background_size": [14, 14],
    }
}
TINY_DINO = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 2}
TINY_HIERA: dict[str, Any] = {
    "hidden_size": 16,
    "num_attention_heads": 1,
    "blocks_per_stage": [1, 1, 2, 1],
    "embed_dim_per_stage": [16, 32, 64, 128],
    "num_attention_heads_per_stage": [1, 2, 4, 8],
    "global_attention_blocks": [3],
    "window_positional_embedding_background_size": [4, 4],
}
TINY_SAM = 128  # pixels of a side of its input
TINY_WIDTH = 32


def network_of(preset: Preset, role: str, tiny: bool = False) -> nn.Module:
    """The network that a preset loads weights into, with random values.

    Args:
        preset: preset that names the network.
        role: role of the weights, as "clip".
        tiny: the same kind of network, but small.

    Raises:
        PresetInvalid: nobody said here what network that is.
    """
    source = preset.weights[role].source
    name = source.hub_id.rpartition("/")[2] if isinstance(source, Published) else ""
    if role == "clip":
        return _clip(preset, tiny)
    if role == "dino" and (tiny or name in DINO):
        return _dino(TINY_DINO if tiny else DINO[name])
    if role == "masks" and preset.segmenter["kind"] == "sam":
        return _tiny_sam() if tiny else _sam(preset.weights[role].files[0].name)
    if role == "masks" and name in HIERA:
        return _tiny_sam2() if tiny else _sam2(HIERA[name])
    raise PresetInvalid(
        f"nothing is known of the network of the {role} weights of '{shown(preset.name)}'",
        "describe it in model/presets/random_networks.py",
    )


def tiny_clip(preset: Preset) -> dict[str, Any]:
    """open_clip's configuration of the preset's CLIP made small: of the same patches, the same
    proportions of heads, and the same GELU."""
    import open_clip

    architecture, tag = str(preset.embedder["architecture"]), str(preset.embedder.get("tag", ""))
    config: dict[str, Any] = open_clip.get_model_config(architecture)
    facts: dict[str, Any] = open_clip.get_pretrained_cfg(architecture, tag) if tag else {}
    vision, text = config["vision_cfg"], config["text_cfg"]
    head = vision.get("head_width", 64) // 2
    patch = vision["patch_size"]
    small = {"image_size": 4 * patch, "layers": 3, "width": 2 * head, "head_width": head}
    return config | {
        "embed_dim": TINY_WIDTH,
        "quick_gelu": bool(facts.get("quick_gelu")),
        "vision_cfg": vision | small,
        "text_cfg": text | {"width": TINY_WIDTH, "heads": 2, "layers": 2},
    }


def _clip(preset: Preset, tiny: bool) -> nn.Module:
    import open_clip
    from open_clip.model import CLIP

    architecture = str(preset.embedder["architecture"])
    config = tiny_clip(preset) if tiny else open_clip.get_model_config(architecture)
    network: nn.Module = CLIP(**config, output_dict=True)
    return network


def _dino(sizes: dict[str, int]) -> nn.Module:
    from transformers import Dinov2Config, Dinov2Model

    network: nn.Module = Dinov2Model(Dinov2Config(**sizes, image_size=518, patch_size=14))
    return network


def _sam(file: str) -> nn.Module:
    from segment_anything import sam_model_registry

    network: nn.Module = sam_model_registry[file.removeprefix("sam_")[: len("vit_b")]]()
    return network


def _tiny_sam() -> nn.Module:
    from segment_anything import modeling

    cells = TINY_SAM // 16
    network: nn.Module = modeling.Sam(
        modeling.ImageEncoderViT(
            img_size=TINY_SAM,
            embed_dim=32,
            depth=2,
            num_heads=2,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            out_chans=TINY_WIDTH,
            use_rel_pos=True,
            window_size=4,
            global_attn_indexes=(1,),
        ),
        modeling.PromptEncoder(
            embed_dim=TINY_WIDTH,
            image_embedding_size=(cells, cells),
            input_image_size=(TINY_SAM, TINY_SAM),
            mask_in_chans=8,
        ),
        modeling.MaskDecoder(
            transformer_dim=32,
            transformer=modeling.TwoWayTransformer(
                depth=2, embedding_dim=32, num_heads=8, mlp_dim=64
            ),
            iou_head_hidden_dim=32,
        ),
    )
    return network


def _sam2(sizes: dict[str, Any]) -> nn.Module:
    from transformers import Sam2VideoConfig, Sam2VideoModel

    vision = {
        "backbone_config": {"model_type": "sam2_hiera_det_model", **sizes},
        "backbone_channel_list": sizes["embed_dim_per_stage"][::-1],
    }
    network: nn.Module = Sam2VideoModel(Sam2VideoConfig(vision_config=vision))
    return network


def _tiny_sam2() -> nn.Module:
    from transformers import Sam2VideoConfig, Sam2VideoModel

    inside = {"hidden_size": TINY_WIDTH}
    square = [TINY_SAM, TINY_SAM]
    vision = {
        "backbone_config": {
            "model_type": "sam2_hiera_det_model", "image_size": square,
            "window_size_per_stage": [4, 4, 4, 4], **TINY_HIERA,
        },
        "backbone_channel_list": TINY_HIERA["embed_dim_per_stage"][::-1],
        "backbone_feature_sizes": [[TINY_SAM // stride] * 2 for stride in (4, 8, 16)],
        "fpn_hidden_size": TINY_WIDTH,
    }  # fmt: skip
    config = Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config={**inside, "image_size": TINY_SAM},
        mask_decoder_config={
            **inside, "mlp_dim": 64, "num_attention_heads": 4, "iou_head_hidden_dim": TINY_WIDTH,
        },
        image_size=TINY_SAM,
        memory_attention_hidden_size=TINY_WIDTH,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=64,
        memory_encoder_hidden_size=TINY_WIDTH,
        memory_encoder_output_channels=TINY_WIDTH // 2,
        mask_downsampler_embed_dim=TINY_WIDTH,
        memory_fuser_embed_dim=TINY_WIDTH,
        memory_fuser_intermediate_dim=64,
    )  # fmt: skip
    network: nn.Module = Sam2VideoModel(config)
    return network
