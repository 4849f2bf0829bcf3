"""Florence-2, Qwen2.5-VL and Qwen3-VL, small and randomly initialised, with their processors.

Their tokens are bytes. What they say makes no sense, but goes the way of what published ones say.
"""

from __future__ import annotations

from typing import Any

import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel

QWEN_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}"
    "{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)


def tiny_florence() -> tuple[Any, Any]:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {text: n for n, text in enumerate(special + sorted(ByteLevel.alphabet()))}
    tokenizer = transformers.BartTokenizer(
        vocab=vocabulary, merges=[], extra_special_tokens={"image_token": "<image>"}
    )
    tokenizer.add_tokens([f"<loc_{number}>" for number in range(1000)])
    images = transformers.CLIPImageProcessor(
        size={"height": 64, "width": 64}, do_center_crop=False, image_seq_length=5
    )
    processor = transformers.Florence2Processor(
        images, tokenizer, post_processor_config={"pure_text": {}, "description_with_bboxes": {}}
    )
    torch.manual_seed(0)
    config = transformers.Florence2Config(
        vision_config=transformers.Florence2VisionConfig(
            depths=(1, 1),
            patch_size=(7, 3),
            patch_stride=(8, 4),
            patch_padding=(3, 1),
            patch_prenorm=(False, True),
            embed_dim=(8, 16),
            num_heads=(1, 2),
            num_groups=(1, 2),
            window_size=2,
            projection_dim=16,
        ),
        text_config=transformers.BartConfig(
            vocab_size=len(tokenizer),
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            max_position_embeddings=128,
        ),
        image_token_id=tokenizer.image_token_id,
    )
    return transformers.Florence2ForConditionalGeneration(config).eval(), processor


def tiny_qwen(generation: str) -> tuple[Any, Any]:
    """A model and its processor.

    Args:
        generation: "qwen2_5_vl" or "qwen3_vl".
    """
    newer = generation == "qwen3_vl"
    vocabulary = {text: n for n, text in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = transformers.Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[],
        additional_special_tokens=list(QWEN_TOKENS[1:]),
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    end, _, stop, begin, finish, image, video = tokenizer.convert_tokens_to_ids(list(QWEN_TOKENS))
    small = {"hidden_size": 16, "intermediate_size": 16}
    text = {
        **small,
        "vocab_size": len(tokenizer),
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "eos_token_id": stop,
        "pad_token_id": end,
        "rope_parameters": {
            "rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 10000.0,
            **({"mrope_interleaved": True} if newer else {}),
        },
        **({"head_dim": 8} if newer else {"max_window_layers": 2}),
    }  # fmt: skip
    eye = {
        **small,
        "depth": 2,
        "num_heads": 2,
        "patch_size": 4,
        "out_hidden_size": 16,
        **(
            {"num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
            if newer
            else {"window_size": 16, "fullatt_block_indexes": [1]}
        ),
    }
    ids = {
        "image_token_id": image, "video_token_id": video,
        "vision_start_token_id": begin, "vision_end_token_id": finish,
    }  # fmt: skip
    images = transformers.Qwen2VLImageProcessor(
        patch_size=4, size={"shortest_edge": 64, "longest_edge": 4096}
    )
    torch.manual_seed(0)
    if newer:
        films: Any = transformers.Qwen3VLVideoProcessor()
        model = transformers.Qwen3VLForConditionalGeneration(
            transformers.Qwen3VLConfig(text_config=text, vision_config=eye, **ids)
        )
        kind = transformers.Qwen3VLProcessor
    else:
        films = transformers.Qwen2VLVideoProcessor()
        model = transformers.Qwen2_5_VLForConditionalGeneration(
            transformers.Qwen2_5_VLConfig(text_config=text, vision_config=eye, **ids)
        )
        kind = transformers.Qwen2_5_VLProcessor
    return model.eval(), kind(images, tokenizer, films, chat_template=CHAT_TEMPLATE)
