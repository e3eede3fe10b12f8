"""A sentence model that others have trained, for real, and folders in its format."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from atelier.models import architectures, artifact
from atelier.models.base import ImageSpec
from atelier.text import SentenceTransformer
from atelier.text.sentence_transformer import _place

MINI = "all-MiniLM-L6-v2"


def similarities(model: str, *texts: str) -> torch.Tensor:
    sentences = normalize(SentenceTransformer(model)(texts).sentences)
    return sentences @ sentences.mT


def test_the_real_one_knows_what_words_mean() -> None:
    found = similarities(MINI, "a cat", "a kitten", "a tax form")
    assert found[0, 1] > 0.7
    assert found[0, 2] < 0.3


def test_a_texts_numbers_do_not_depend_on_longer_ones_beside_it() -> None:
    encoder = SentenceTransformer(MINI)
    alone, beside = encoder(["a cat"]), encoder(["a cat", "a cat that sits on the mat in front of the fire, " * 5])
    assert encoder.dim == alone.sentences.shape[1] == 384
    torch.testing.assert_close(alone.sentences[0], beside.sentences[0], atol=1e-5, rtol=1e-4)
    assert (beside.tokens[0][~beside.mask[0]] == 0).all()


def test_a_folder_is_read_and_its_own_file_says_what_stands_for_the_sentence(tmp_path: Path) -> None:
    folder = shutil.copytree(_place(MINI), tmp_path / "mine", ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "model.safetensors").symlink_to(Path(_place(MINI)) / "model.safetensors")
    pooling = folder / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps({**json.loads(pooling.read_text()), "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    encoded = SentenceTransformer(str(folder))(["a cat"])
    assert torch.equal(encoded.sentences[0], encoded.tokens[0, 0])
    mean = SentenceTransformer(MINI)(["a cat"])
    assert not torch.allclose(mean.sentences, encoded.sentences)


def test_a_version_has_nothing_of_it_and_finds_it_again(tmp_path: Path) -> None:
    cls = architectures["text_dcgan"]
    hp = cls.hyperparameters("debug", text_encoder="sentence-transformer")
    generator = cls(hp, ImageSpec(channels=3, resolution=16)).generator.eval()
    assert not [name for name in generator.state_dict() if name.startswith("encoder")]
    manifest = artifact.Manifest.model_validate(
        {
            "architecture": cls.name,
            "hyperparameters": hp.model_dump(),
            "image": {"channels": 3, "resolution": 16},
            "dataset": {"name": "shapes", "options": {}, "fingerprint": "0", "num_images": 1, "class_names": []},
            "training": {"preset": "debug", "seed": 0, "steps": 1, "images_seen": 1, "seconds": 1, "device": "cpu", "metrics": {}},
            "created_at": "2026-01-01T00:00:00Z",
        }
    )
    artifact.save(tmp_path, generator, manifest)
    _, loaded = artifact.load(tmp_path, torch.device("cpu"))
    inputs = loaded.inputs([1], [{"a cat": 1.0}])
    assert torch.equal(loaded(*inputs), generator(*generator.inputs([1], [{"a cat": 1.0}])))


def test_one_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no sentence model 'no/such'"):
        SentenceTransformer("no/such")
    with pytest.raises(ValueError, match="no sentence model"):
        SentenceTransformer(str(tmp_path))  # a folder without a model
