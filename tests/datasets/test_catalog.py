"""What holds for every data set; a new one is covered unasked."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from atelier.datasets.catalog import datasets, open_dataset

every_dataset = pytest.mark.parametrize("name", sorted(datasets))


def test_the_built_in_data_sets_are_found():
    assert {"digits", "emoji", "shapes"} <= set(datasets)


@every_dataset
def test_it_describes_itself(name):
    cls = datasets[name]
    assert cls.name == name
    assert cls.title
    summary = open_dataset(name, {}).summary()
    assert summary.endswith(".")
    assert "\n" not in summary
    assert cls.licence


@every_dataset
def test_every_option_has_a_sentence_a_default_and_bounds(name):
    schema = datasets[name].Options.model_json_schema()
    assert schema["additionalProperties"] is False
    bounds = {"integer": ("minimum", "maximum"), "number": ("minimum", "maximum"), "array": ("minItems", "maxItems"), "string": ("enum",)}
    for option, field in schema.get("properties", {}).items():
        assert field["description"].endswith("."), option
        assert "default" in field, option
        assert all(bound in field for bound in bounds.get(field["type"], ())), option


@every_dataset
def test_items_fit_the_names(name):
    dataset = open_dataset(name, {})
    assert len(dataset) == len(dataset.items) > 0
    if dataset.class_names:
        assert {item.label for item in dataset.items} == set(range(len(dataset.class_names)))
    for item in dataset.items:
        assert len(item.attributes) == len(dataset.attribute_names)
        assert all(0 <= value <= 1 for value in item.attributes)
        assert all(caption == caption.strip() != "" for caption in item.captions)
        assert len(set(item.captions)) == len(item.captions)


@every_dataset
@pytest.mark.parametrize("resolution", [16, 33, 256])
def test_it_draws_uint8_at_any_resolution(name, resolution):
    dataset = open_dataset(name, {})
    for index in (0, len(dataset) // 2, len(dataset) - 1):
        picture = dataset.draw(index, resolution)
        assert picture.shape == (resolution, resolution, dataset.channels)
        assert picture.dtype == np.uint8
        assert np.ptp(picture) > 100, "something is to be seen"


@every_dataset
def test_it_is_the_same_picture_at_every_resolution(name):
    """Reduced with antialiasing: picking pixels out of emoji is twice as far off."""
    dataset = open_dataset(name, {})
    indices = range(0, len(dataset), len(dataset) // 20)
    reduced = [np.asarray(Image.fromarray(dataset.draw(index, 128).squeeze()).reduce(4), int) for index in indices]
    small = [dataset.draw(index, 32).squeeze() for index in indices]
    assert np.abs(np.array(small) - reduced).mean() < 10


DIGEST = """
import hashlib, sys
from atelier.datasets.cache import fingerprint
from atelier.datasets.catalog import open_dataset
dataset = open_dataset(sys.argv[1], {})
seen = hashlib.sha256(repr(dataset.items).encode())
for index in range(0, len(dataset), len(dataset) // 50):
    seen.update(dataset.draw(index, 16).tobytes())
print(seen.hexdigest(), fingerprint(dataset, 16))
print(sorted({"torch", "pandas", "mlxtend", "sklearn"} & set(sys.modules)))
"""


@every_dataset
def test_processes_agree_and_stay_light(name):
    outputs = {
        subprocess.run(
            [sys.executable, "-c", DIGEST, name], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert outputs.pop().splitlines()[1] == "[]", "the web process draws samples, and never loads torch for it"


def test_an_unknown_name_tells_those_that_exist():
    with pytest.raises(ValueError, match="'faces' is not one of digits, emoji, shapes"):
        open_dataset("faces", {})


@every_dataset
def test_an_unknown_option_is_refused(name):
    with pytest.raises(ValueError, match="extra_forbidden"):
        open_dataset(name, {"colour": "red"})


@every_dataset
def test_the_defaults_survive_json(name):
    options = open_dataset(name, {}).options
    assert open_dataset(name, json.loads(options.model_dump_json())).options == options
