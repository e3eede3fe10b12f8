"""Folders as they are published, written small."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

SUFFIX = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


def put(root: Path, *files: str, size: tuple[int, int] = (24, 24)) -> Path:
    """Pictures, each of another colour, and texts: "a.txt: content"."""
    for file in files:
        name, _, content = file.partition(": ")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in SUFFIX and not content:
            colour = tuple(hashlib.sha256(name.encode()).digest()[:3])
            Image.new("RGB", size, colour).save(path, SUFFIX[path.suffix.lower()])
        else:
            path.write_text(content)
    return root


BIRDS = [
    ("1", "001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg", "1", "1", "60.0 27.0 325.0 304.0"),
    ("2", "001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg", "1", "0", "139.0 30.0 153.0 264.0"),
    ("3", "002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg", "2", "0", "14.0 112.0 388.0 186.0"),
    ("4", "003.Sooty_Albatross/Sooty_Albatross_0001_796395.jpg", "3", "1", "112.0 90.0 255.0 162.0"),
]
BIRD_ATTRIBUTES = ["has_bill_shape::curved_(up_or_down)", "has_bill_shape::dagger", "has_size::small_(5_-_9_in)"]


def cub(root: Path, *, attributes_at: str = "", captions_at: str | None = "text_c10") -> Path:
    """CUB_200_2011 with the folder of its archive around it: attributes.txt lies beside, not within."""
    home = root / "CUB_200_2011"
    put(home, *(f"images/{path}" for _, path, *_ in BIRDS), "README: about birds", "parts/parts.txt: 1 back\n2 beak\n")
    lines = {
        "images.txt": [f"{number} {path}" for number, path, *_ in BIRDS],
        "image_class_labels.txt": [f"{number} {label}" for number, _, label, *_ in BIRDS],
        "classes.txt": ["1 001.Black_footed_Albatross", "2 002.Laysan_Albatross", "3 003.Sooty_Albatross"],
        "train_test_split.txt": [f"{number} {train}" for number, _, _, train, _ in BIRDS],
        "bounding_boxes.txt": [f"{number} {box}" for number, *_, box in BIRDS],
        "attributes/image_attribute_labels.txt": [
            f"{number} {attribute} {int(attribute == label)} {4 if attribute == 1 else 3} {27.7080}"
            + (" 0 0" if (number, attribute) == ("3", 2) else "")  # some lines of the published file have more columns
            for number, _, label, *_ in BIRDS
            for attribute, label in ((attribute, int(label)) for attribute in (1, 2, 3))
        ],
        "attributes/certainties.txt": ["1 not visible", "2 guessing"],
    }
    (home / "attributes").mkdir()
    for name, content in lines.items():
        (home / name).write_text("\n".join(content) + "\n")
    (root / attributes_at / "attributes.txt").write_text("".join(f"{n} {name}\n" for n, name in enumerate(BIRD_ATTRIBUTES, 1)))
    if captions_at is not None:
        for number, path, *_ in BIRDS:
            text = root / captions_at / path.replace(".jpg", ".txt")
            text.parent.mkdir(parents=True, exist_ok=True)
            text.write_text("".join(f"caption {line} of bird {number} .\n" for line in range(10)))
    return root


FACE_ATTRIBUTES = ["5_o_Clock_Shadow", "Arched_Eyebrows", "Wearing_Hat"]
FACES = [
    ("000001.jpg", "-1  1  1", 0, 2880),
    ("000002.jpg", "-1 -1 -1", 0, 2937),
    ("000003.jpg", " 1 -1  1", 1, 2880),
    ("000004.jpg", "-1 -1 -1", 2, 7),
]


def celeba(root: Path, *, folder: str = "img_align_celeba") -> Path:
    put(root, *(f"{folder}/{name}" for name, *_ in FACES), size=(178, 218))
    header = f"{len(FACES)}\n{' '.join(FACE_ATTRIBUTES)} \n"
    (root / "list_attr_celeba.txt").write_text(header + "".join(f"{name} {values}\n" for name, values, *_ in FACES))
    (root / "list_eval_partition.txt").write_text("".join(f"{name} {split}\n" for name, _, split, _ in FACES))
    (root / "identity_CelebA.txt").write_text("".join(f"{name} {person}\n" for name, *_, person in FACES))
    boxes = f"{len(FACES)}\nimage_id x_1 y_1 width height\n" + "".join(f"{name}    95  71 226 313\n" for name, *_ in FACES)
    (root / "list_bbox_celeba.txt").write_text(boxes)
    return root


def celeba_of_kaggle(root: Path) -> Path:
    put(root, *(f"img_align_celeba/img_align_celeba/{name}" for name, *_ in FACES), size=(178, 218))
    rows = "".join(f"{name},{','.join(values.split())}\n" for name, values, *_ in FACES)
    (root / "list_attr_celeba.csv").write_text(f"image_id,{','.join(FACE_ATTRIBUTES)}\n{rows}")
    (root / "list_eval_partition.csv").write_text("image_id,partition\n" + "".join(f"{name},{split}\n" for name, _, split, _ in FACES))
    return root


DOGS = {
    "n02085620-Chihuahua/n02085620_10074": "train",
    "n02085620-Chihuahua/n02085620_10131": "test",
    "n02085782-Japanese_spaniel/n02085782_1039": "train",
    "n02115913-dhole/n02115913_1010": "test",
}


def annotation(name: str, *boxes: tuple[int, int, int, int]) -> str:
    objects = "".join(
        f"<object><name>Chihuahua</name><pose>Unspecified</pose><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax>"
        "</bndbox></object>"
        for a, b, c, d in boxes
    )
    size = "<size><width>333</width><height>500</height><depth>3</depth></size>"
    return f"<annotation><folder>02085620</folder><filename>{name}</filename>{size}{objects}</annotation>"


def stanford_dogs(root: Path, *, images: str = "Images", annotations: str = "Annotation") -> Path:
    put(root, *(f"{images}/{name}.jpg" for name in DOGS))
    for name in DOGS:
        put(root, f"{annotations}/{name}: {annotation(name, (25, 10, 276, 498), (1, 2, 30, 40))}")
    for split in ("train", "test"):
        names = [name for name in DOGS if DOGS[name] == split]
        cells = np.empty((len(names), 1), object), np.empty((len(names), 1), object)
        cells[0][:, 0], cells[1][:, 0] = [f"{name}.jpg" for name in names], names
        labels = np.ones((len(names), 1), np.uint8)
        savemat(root / f"{split}_list.mat", {"file_list": cells[0], "annotation_list": cells[1], "labels": labels})
    return root


def imagefolder(root: Path) -> Path:
    return put(root, "1.png", "2.png", 'metadata.jsonl: {"file_name": "1.png", "text": "one"}\n{"file_name": "2.png", "text": "two"}\n')


def captions(root: Path) -> Path:
    return put(root, "1.jpg", "1.txt: a red bird\n", "2.jpg", "2.txt: a blue bird\nan azure bird\n", "README.md: birds")


def folders(root: Path) -> Path:
    return put(root, "train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png")


def flat(root: Path) -> Path:
    return put(root, "10001.png", "10002.png", "10010.png")


SETS: dict[str, Callable[..., Path]] = {
    "cub": cub,
    "celeba": celeba,
    "celeba of Kaggle": celeba_of_kaggle,
    "stanford-dogs": stanford_dogs,
    "imagefolder": imagefolder,
    "captions": captions,
    "folders": folders,
    "flat": flat,
}


@pytest.fixture(name="put")
def _put() -> Callable[..., Path]:
    return put


@pytest.fixture
def published() -> dict[str, Callable[..., Path]]:
    """For each layout what writes a set of it into a folder."""
    return SETS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder that somebody brings; what lies beside it is the test's."""
    folder = tmp_path / "brought"
    folder.mkdir()
    return folder
