"""A CLIP model with few random weights, made on the spot: real components, nothing fetched."""

from __future__ import annotations

import json
from pathlib import Path


def save_tiny_clip(folder: Path) -> Path:
    """Write a folder that sentence-transformers loads, as of ``clip-ViT-B-32``."""
    import torch
    from transformers import (
        CLIPConfig,
        CLIPImageProcessorPil,
        CLIPModel,
        CLIPProcessor,
        CLIPTextConfig,
        CLIPTokenizer,
        CLIPVisionConfig,
    )

    torch.manual_seed(0)
    words = folder / "words"
    words.mkdir(parents=True)
    letters = [chr(number) for number in range(ord("a"), ord("z") + 1)]
    tokens = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    (words / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    (words / "merges.txt").write_text("#version: 0.2\n")
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    text = CLIPTextConfig(
        vocab_size=len(tokens), num_attention_heads=2, max_position_embeddings=16,
        bos_token_id=52, eos_token_id=53, **sizes,
    )  # fmt: skip
    vision = CLIPVisionConfig(image_size=8, patch_size=4, num_attention_heads=2, **sizes)
    model = CLIPModel(
        CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8)
    )
    processor = CLIPProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size={"height": 8, "width": 8}),
        CLIPTokenizer(str(words / "vocab.json"), str(words / "merges.txt")),
    )
    inner = folder / "clip" / "0_CLIPModel"  # laid out as the published clip-ViT-B-32
    model.save_pretrained(inner)
    processor.save_pretrained(inner)
    kind = "sentence_transformers.models.CLIPModel"
    modules = [{"idx": 0, "name": "0", "path": inner.name, "type": kind}]
    (folder / "clip" / "modules.json").write_text(json.dumps(modules))
    return folder / "clip"
