"""Mask2Former and MaskFormer at random, as small as they can be."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    MaskFormerConfig,
    MaskFormerDetrConfig,
    MaskFormerForInstanceSegmentation,
    SwinConfig,
)

WIDTH, SIDE = 32, 64  # group norms of the hosts have 32 groups


def tiny_host(kind: str, pre_norm: bool = False, dropout: float = 0.0) -> Any:
    """The network in evaluation mode, photos of `SIDE` pixels."""
    torch.manual_seed(0)
    backbone = SwinConfig(
        image_size=SIDE,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 1, 1],
        window_size=2,
        drop_path_rate=0.0,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    if kind == "mask2former":
        config = Mask2FormerConfig(
            backbone_config=backbone,
            feature_size=WIDTH,
            mask_feature_size=WIDTH,
            hidden_dim=WIDTH,
            encoder_feedforward_dim=16,
            dim_feedforward=16,
            encoder_layers=1,
            decoder_layers=4,
            num_attention_heads=2,
            num_queries=5,
            num_labels=3,
            pre_norm=pre_norm,
            dropout=dropout,
            train_num_points=64,
        )
        return Mask2FormerForUniversalSegmentation(config).eval()
    decoder = MaskFormerDetrConfig(
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=2,
        decoder_attention_heads=2,
        encoder_attention_heads=2,
        decoder_ffn_dim=16,
        encoder_ffn_dim=16,
        num_queries=5,
        dropout=dropout,
    )
    config = MaskFormerConfig(
        backbone_config=backbone,
        decoder_config=decoder,
        fpn_feature_size=WIDTH,
        mask_feature_size=WIDTH,
        num_labels=3,
        use_auxiliary_loss=True,
    )
    return MaskFormerForInstanceSegmentation(config).eval()
