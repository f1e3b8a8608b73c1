"""`python -m training_app.core.gguf_conversion DIR`: `DIR/model.gguf` as the files that `transformers` trains on.

Writes `model.safetensors` (float32: the 4-bit weights, de-quantised exactly), `config.json`, `generation_config.json`,
`tokenizer.json` and its config and chat template, then loads them again and tries them. The package `gguf` must be
importable; `make models` lends it to this process only.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

SOURCE = "model.gguf"
TRIED = (
    "The quick brown fox jumps over the lazy dog.",
    "Zażółć gęślą jaźń – 東京 🙂",
    "def f(x):\n\treturn x  # 3.14 * 10**6",
    "<|im_start|>user\nHello<|im_end|>\n",
)
QUESTION = "What is the capital of France?"
ANSWER = "Paris"


def main(folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=SOURCE)
    plain = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=SOURCE, quantization_config=plain)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    require_equal(folder, model, tokenizer)
    require_answer(folder)


def require_equal(folder: Path, model: Any, tokenizer: Any) -> None:
    """What was saved is what was read, and texts survive the tokenizer.

    Raises:
        ValueError: they differ.
    """
    import torch
    from safetensors import safe_open
    from tokenizers import Tokenizer

    held = dict(model.named_parameters())
    with safe_open(folder / "model.safetensors", framework="pt") as saved:
        names = set(saved.keys())
        differing = [name for name in names & held.keys() if not torch.equal(saved.get_tensor(name), held[name])]
    if differing or names - held.keys():
        raise ValueError(f"saved and converted weights differ: {sorted(differing) or sorted(names - held.keys())}")
    stored = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for text in TRIED:
        ids = stored.encode(text, add_special_tokens=False).ids
        if ids != tokenizer.encode(text, add_special_tokens=False) or stored.decode(ids, False) != text:
            raise ValueError(f"the tokenizer changes the text {text!r}")


def require_answer(folder: Path) -> None:
    """The saved files alone answer a simple question (greedy).

    Raises:
        ValueError: they do not; the conversion has damaged the model.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    turn = [{"role": "user", "content": QUESTION}]
    shown: Any = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    output = model.generate(**shown, max_new_tokens=16, do_sample=False)
    answer = str(tokenizer.decode(output[0, shown["input_ids"].shape[1] :], skip_special_tokens=True)).strip()
    print(f"{QUESTION} {answer}", flush=True)
    if ANSWER not in answer:
        raise ValueError(f"asked {QUESTION!r}, the converted model says {answer!r}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
