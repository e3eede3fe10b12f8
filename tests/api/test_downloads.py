"""Versions as files."""

import asyncio
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load

from atelier.models import artifact
from atelier.models.artifact import WEIGHTS
from atelier.registry.packing import zipped
from atelier.registry.store import Store
from atelier.serving import graphs

pytestmark = pytest.mark.anyio
VERSION = "/api/v1/models/tiny/versions/2"


async def test_a_zip_has_all_of_a_version(client: httpx.AsyncClient, published: str, store: Store) -> None:
    response = await client.get(f"{VERSION}/download")
    assert response.status_code == 200
    assert 'filename="tiny-v2.zip"' in response.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        folder = store.version("tiny", 2)
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"tiny-v2/{file.name}": file.read_bytes() for file in folder.iterdir()
        }
    weights = await client.get(f"{VERSION}/download", params={"format": "safetensors"})
    assert load(weights.content).keys() == load((store.version("tiny", 2) / WEIGHTS).read_bytes()).keys()


def test_a_zip_is_sent_piece_by_piece(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(5 << 20))
    pieces = list(zipped([("large", tmp_path / "large")]))
    assert max(map(len, pieces)) < 2 << 20
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.read("large") == bytes(5 << 20)


async def test_a_graph_is_made_once_in_another_process(
    client: httpx.AsyncClient, published: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [client.get(f"{VERSION}/download", params={"format": "onnx"}) for _ in range(3)]
    responses = await asyncio.gather(*asked)
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    [kept] = (store.root / "compiled").iterdir()
    assert kept.read_bytes() == responses[0].content
    made = kept.stat().st_mtime_ns
    again = await client.get(f"{VERSION}/download", params={"format": "onnx"})
    assert (again.content, kept.stat().st_mtime_ns) == (responses[0].content, made)

    _, generator = artifact.load(store.version("tiny", 2), torch.device("cpu"))
    [z] = generator.inputs(range(3))
    [images] = onnxruntime.InferenceSession(again.content, providers=["CPUExecutionProvider"]).run(None, {"z": z.numpy()})
    np.testing.assert_allclose(images, generator(z).numpy(), atol=1e-4)
    about = {entry.key: entry.value for entry in onnx.load_from_string(again.content).metadata_props}
    assert about["atelier.architecture"] == "dcgan"
    assert about["atelier.conditioning"] == "none"


async def test_what_cannot_be_exported_says_why(
    client: httpx.AsyncClient, published: str, publish: Callable[..., str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("broken")
    manifest = store.version("broken", 1) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"latent_dim": 100', '"latent_dim": 0'))
    broken = await client.get("/api/v1/models/broken/versions/1/download", params={"format": "onnx"})
    assert broken.status_code == 500
    assert "broken@1 can't be exported: it was trained by another version of Atelier, whose DCGAN differs in latent_dim" in broken.text
    assert not list((store.root / "compiled").glob("*.part"))
    monkeypatch.setattr(graphs.importlib.util, "find_spec", lambda name: None)
    missing = await client.get("/api/v1/models/tiny/versions/1/download", params={"format": "onnx"})
    assert missing.status_code == 422
    assert "atelier[onnx]" in missing.json()["detail"]
