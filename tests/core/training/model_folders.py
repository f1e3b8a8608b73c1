"""Tiny models as folders, as `save_pretrained` lays them down: what people have on their disks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
WORDS = ["<eos>", "<unk>", "<user>", "<assistant>", "<system>", *"abcdefghijklmnopqrstuvwxyz"]


def tiny_tokenizer() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.decoders import Fuse
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split

    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Split("", "isolated")
    tokenizer.decoder = Fuse()
    tokenizer.add_special_tokens(WORDS[:5])
    return tokenizer


def make_model_folder(path: Path, *, seed: int = 0, shards: bool = False, template: bool = True) -> Path:
    """A Llama of 2 layers × 16 over the letters, with tokenizer, and a chat template if `template`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(path, max_shard_size="6KB" if shards else "50GB")
    tiny_tokenizer().save(str(path / "tokenizer.json"))
    settings = {"eos_token": "<eos>", "bos_token": "<eos>", "unk_token": "<unk>"}
    (path / "tokenizer_config.json").write_text(json.dumps(settings))
    if template:
        (path / "chat_template.jinja").write_text(TEMPLATE)
    return path


def edit_json(file: Path, **changes: Any) -> None:
    """Change entries of a JSON file; None removes one."""
    value = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: entry for key, entry in value.items() if entry is not None}))
