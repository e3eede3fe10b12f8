"""Sentence models of the Hugging Face kind, from a folder or the local cache; nothing is downloaded, nothing of them is trained."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from atelier.text.base import Encoded, TextEncoder


class SentenceTransformer(TextEncoder):
    """Texts → sentences [N, dim] by a BERT that others have trained, such as all-MiniLM-L6-v2 or msmarco-distilbert-base-tas-b.

    Its weights stay where they are, and are no part of a version: who draws needs the same model in the same place.
    """

    learns = False

    def __init__(self, model: str) -> None:
        """
        Raises:
            ValueError: the package transformers is not installed, or there is no such model on this machine.
        """
        super().__init__()
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise ValueError('sentence models need the package transformers: pip install "atelier[text]"') from error
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
            network = AutoModel.from_pretrained(model, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise ValueError(f"there is no sentence model {model!r} in a folder of that name, nor in the cache of Hugging Face") from error
        # Outside of this module's own state: some 90 MB that are the same for every version.
        self.__dict__["_network"] = network.eval().requires_grad_(False)
        self.dim = int(network.config.hidden_size)
        self._first_token = _pools_first_token(Path(model))

    def forward(self, texts: Sequence[str]) -> Encoded:
        batch = self._tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        network = self.__dict__["_network"]
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            tokens: Tensor = network(**batch).last_hidden_state.float()  # [N, L, dim], on the CPU: texts are few
        mask = batch["attention_mask"].bool()
        tokens = tokens * mask[:, :, None]
        sentences = tokens[:, 0] if self._first_token else tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return Encoded(sentences, tokens, mask)


def _pools_first_token(folder: Path) -> bool:
    """Whether the model's own file says that its first token stands for the sentence, rather than the mean of all."""
    import json

    config = folder / "1_Pooling" / "config.json"
    return config.is_file() and bool(json.loads(config.read_text()).get("pooling_mode_cls_token"))
