"""Published detectors, tiny and with random weights, beside their real processors."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertTokenizer,
    CLIPTextConfig,
    CLIPTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
    OmDetTurboConfig,
    OmDetTurboForObjectDetection,
    OmDetTurboProcessor,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessor,
    Owlv2Processor,
    Sam3Config,
    Sam3ImageProcessor,
    Sam3Model,
    Sam3Processor,
    Sam3VisionConfig,
    Sam3ViTConfig,
    SwinConfig,
)

SMALL = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
WORDS = ["red", "car", "door", "cat", "remote", "control", "wh", "##eel", "a", "photo", "of"]


def vocabulary() -> dict[str, int]:
    """BERT's special tokens where the models look for them, and some words."""
    places = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}
    places |= {".": 1012, "?": 1029, ",": 1010}
    taken = {number: token for token, number in places.items()}
    names = [taken.get(number, f"[unused{number}]") for number in range(1030)] + WORDS
    return {name: number for number, name in enumerate(names)}


@cache
def bert_tokenizer() -> Any:
    """A word-piece tokenizer that knows `WORDS`."""
    return BertTokenizer(vocabulary())


@cache
def clip_tokenizer() -> Any:
    """CLIP's tokenizer with a vocabulary of letters: every letter is a token."""
    letters = [chr(number) for number in range(ord("a"), ord("z") + 1)] + [".", ","]
    tokens = ["!", *letters, *(f"{letter}</w>" for letter in letters), "<|unk|>"]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        {token: number for number, token in enumerate(tokens)},
        [],
        unk_token="<|unk|>",
        pad_token="!",
        model_max_length=77,
    )


def swin() -> SwinConfig:
    """A backbone of four small stages."""
    return SwinConfig(
        image_size=128,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 1, 1],
        window_size=2,
        out_features=["stage2", "stage3", "stage4"],
    )


@cache
def grounding_dino(mm: bool = False, max_text_len: int = 16) -> tuple[Any, Any]:
    """(MM-)Grounding DINO and its processor."""
    torch.manual_seed(0)
    make, config = (
        (MMGroundingDinoForObjectDetection, MMGroundingDinoConfig)
        if mm
        else (GroundingDinoForObjectDetection, GroundingDinoConfig)
    )
    settings = config(
        backbone_config=swin(),
        text_config=BertConfig(**SMALL, vocab_size=len(vocabulary()), num_hidden_layers=1),
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_queries=5,
        max_text_len=max_text_len,
    )
    images = GroundingDinoImageProcessor(size={"height": 128, "width": 128})
    model = make(settings).eval()
    for head in model.bbox_embed:  # which are made to move no box
        torch.nn.init.normal_(head.layers[-1].weight, std=0.3)
    return model, GroundingDinoProcessor(images, copy.deepcopy(bert_tokenizer()))


@cache
def owlv2() -> tuple[Any, Any]:
    """OWLv2 and its processor; a text has room for 40 letters."""
    torch.manual_seed(0)
    config = Owlv2Config(
        text_config=clip_text(max_position_embeddings=40),
        vision_config={**SMALL, "num_hidden_layers": 1, "image_size": 64, "patch_size": 16},
        projection_dim=16,
    )
    images = Owlv2ImageProcessor(size={"height": 64, "width": 64})
    return Owlv2ForObjectDetection(config).eval(), Owlv2Processor(images, clip_tokenizer())


@cache
def omdet_turbo() -> tuple[Any, Any]:
    """OmDet-Turbo and its processor."""
    torch.manual_seed(0)
    config = OmDetTurboConfig(
        backbone_config=swin(),
        text_config=CLIPTextConfig(**clip_text(max_position_embeddings=77)),
        image_size=128,
        apply_layernorm_after_vision_backbone=False,
        text_projection_in_dim=16,
        text_projection_out_dim=16,
        class_embed_dim=16,
        task_encoder_hidden_dim=16,
        num_queries=6,
        encoder_in_channels=[16, 32, 64],
        vision_features_channels=[32, 32, 32],
        encoder_hidden_dim=32,
        encoder_attention_heads=2,
        encoder_dim_feedforward=16,
        decoder_hidden_dim=32,
        decoder_num_heads=2,
        decoder_num_layers=2,
        decoder_dim_feedforward=16,
    )
    model = OmDetTurboForObjectDetection(config).eval()
    torch.nn.init.normal_(model.language_backbone.text_projection)
    images = GroundingDinoImageProcessor(size={"height": 128, "width": 128})
    return model, OmDetTurboProcessor(images, clip_tokenizer())


@cache
def sam3() -> tuple[Any, Any]:
    """SAM 3 and its processor."""
    torch.manual_seed(0)
    eye = Sam3ViTConfig(
        **SMALL,
        num_hidden_layers=2,
        image_size=112,
        patch_size=14,
        window_size=4,
        global_attn_indexes=[1],
        pretrain_image_size=56,
    )
    sizes = [[32, 32], [16, 16], [8, 8]]
    config = Sam3Config(
        vision_config=Sam3VisionConfig(
            backbone_config=eye, fpn_hidden_size=16, backbone_feature_sizes=sizes
        ),
        text_config=CLIPTextConfig(**clip_text(max_position_embeddings=32), projection_dim=16),
        geometry_encoder_config={**SMALL, "num_layers": 1},
        detr_encoder_config={**SMALL, "num_layers": 1},
        detr_decoder_config={**SMALL, "num_layers": 2, "num_queries": 6},
        mask_decoder_config={"hidden_size": 16, "num_attention_heads": 2},
    )
    images = Sam3ImageProcessor(size={"height": 112, "width": 112})
    return Sam3Model(config).eval(), Sam3Processor(images, clip_tokenizer())


def clip_text(max_position_embeddings: int) -> dict[str, Any]:
    """Configuration of a small text encoder for `clip_tokenizer`."""
    size = len(clip_tokenizer())
    return {
        **SMALL,
        "vocab_size": size,
        "num_hidden_layers": 1,
        "max_position_embeddings": max_position_embeddings,
        "bos_token_id": size - 2,
        "eos_token_id": size - 1,
        "pad_token_id": 0,
    }


def saved(parts: tuple[Any, Any], folder: Path) -> Path:
    """A model and its processor in a folder as the hub has it."""
    for part in parts:
        part.save_pretrained(folder)
    return folder
