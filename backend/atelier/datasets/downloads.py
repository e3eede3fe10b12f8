"""Published data sets that torchvision can fetch, written out in one of the layouts."""

import importlib.util
import re
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

if TYPE_CHECKING:
    from PIL import Image

TIMEOUT = 60  # seconds without a byte
Progress = Callable[[int, int], None]
Pictures = Iterable[tuple["Image.Image | Path", int]]  # each with its label


@dataclass(frozen=True)
class Download:
    """A data set that can be fetched where there is a network."""

    name: str
    title: str
    licence: str
    layout: str  # that the files have afterwards
    bytes: int  # to fetch, about
    images: int
    host: str  # it comes from
    mirrorable: bool  # whether a picture seen in a mirror is as true as itself
    page: str  # to read about it, and to fetch it by hand


downloads: dict[str, Download] = {
    download.name: download
    for download in (
        Download(
            name="cifar10",
            title="CIFAR-10",
            licence="none stated; for research (Krizhevsky, 2009)",
            layout="folders",
            bytes=170_000_000,
            images=60_000,
            mirrorable=True,
            host="www.cs.toronto.edu",
            page="https://www.cs.toronto.edu/~kriz/cifar.html",
        ),
        Download(
            name="mnist",
            title="MNIST",
            licence="CC-BY-SA-3.0 (LeCun, Cortes and Burges)",
            layout="folders",
            bytes=12_000_000,
            images=70_000,
            mirrorable=False,
            host="ossci-datasets.s3.amazonaws.com",
            page="http://yann.lecun.com/exdb/mnist/",
        ),
        Download(
            name="fashion-mnist",
            title="Fashion-MNIST",
            licence="MIT (Zalando SE)",
            layout="folders",
            bytes=31_000_000,
            images=70_000,
            mirrorable=True,
            host="fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            page="https://github.com/zalandoresearch/fashion-mnist",
        ),
        Download(
            name="flowers102",
            title="Oxford 102 Flowers",
            licence="none stated; for research (Nilsback and Zisserman, 2008)",
            layout="folders",
            bytes=345_000_000,
            images=8_189,
            mirrorable=True,
            host="www.robots.ox.ac.uk",
            page="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        ),
        Download(
            name="celeba",
            title="CelebA",
            licence="for research that is not commercial (Multimedia Laboratory, The Chinese University of Hong Kong)",
            layout="celeba",
            bytes=1_500_000_000,
            images=202_599,
            mirrorable=True,
            host="drive.google.com",
            page="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        ),
    )
}


def fetch(name: str, folder: Path, on_progress: Progress | None = None) -> None:
    """Put a published set into the folder, which is made: its pictures as files, in the layout that `downloads` names.

    `on_progress(done, total)` counts thousandths of the whole, first of what is fetched, then of what is written. It is called at least
    once a second while the network is waited for; what it raises ends the work, and leaves nothing but the folder.

    Raises:
        ValueError: there is no set of that name; or it could not be had, why, and what to do instead.
    """
    if name not in downloads:
        raise ValueError(f"download {name!r} is not one of {', '.join(downloads)}")
    download = downloads[name]
    if name == "celeba" and importlib.util.find_spec("gdown") is None:
        raise ValueError(
            f"CelebA lies on Google Drive, and the package gdown is needed to fetch it: pip install gdown. {_by_hand(download)}"
        )
    progress = on_progress or (lambda done, total: None)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".download-", dir=folder, ignore_cleanup_errors=True) as temporary:
        fetched = _wait(lambda: _torchvision(name, Path(temporary)), Path(temporary), download, progress)
        if name == "celeba":
            home = Path(temporary, "celeba")
            for path in sorted(home.iterdir()):
                if path.suffix != ".zip":
                    path.rename(folder / path.name)
        else:
            _write(fetched, folder, download, progress)
    progress(1000, 1000)


def _by_hand(download: Download) -> str:
    if download.name == "celeba":
        return f"Or download it by hand from {download.page}, unpack it, and bring the folder: atelier datasets add FOLDER"
    # Published in files of their own kind, which only torchvision reads.
    return (
        f"Or do the same where there is a network, and bring the folder sources/{download.name}/files "
        f"of the store there: atelier datasets add FOLDER (the set's page is {download.page})"
    )


def _wait(work: Callable[[], Any], folder: Path, download: Download, progress: Progress) -> Any:
    """Run the work in a thread, and tell meanwhile how much has come in.

    Raises:
        ValueError: in place of whatever it raised.
    """
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["value"] = work()
        except BaseException as error:  # raised below, in the thread that waits
            outcome["error"] = error

    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # torchvision sets none, and a silent host would be waited for without end
    try:
        thread = threading.Thread(target=run, daemon=True, name=f"download of {download.name}")
        thread.start()
        while thread.is_alive():
            thread.join(1.0)
            come = sum(path.stat().st_size for path in folder.glob("**/*.*z*") if path.is_file())
            progress(min(899, 900 * come // download.bytes), 1000)
    finally:
        socket.setdefaulttimeout(patience)
    if error := outcome.get("error"):
        raise ValueError(f"{download.title} could not be fetched: {_reason(error, download)}. {_by_hand(download)}") from error
    return outcome["value"]


def _reason(error: BaseException, download: Download) -> str:
    causes = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    code = next((cause.code for cause in causes if hasattr(cause, "code") and isinstance(cause.code, int)), None)
    if code:
        return f"{download.host} answers {code}"
    network = any(isinstance(cause, (URLError, TimeoutError, ConnectionError, socket.gaierror)) for cause in causes)
    said = str(error)
    if network or re.search(r"urlopen|resolve|unreachable|timed out|connection|proxy|Max retries", said, re.IGNORECASE):
        return f"{download.host} can't be reached over the network from this machine ({_first_line(said)})"
    if "corrupted" in said or "md5" in said.lower():
        return f"what {download.host} sent is not the file that was published, or not all of it"
    return f"{_first_line(said)} (from {download.host})"


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else "no reason given")[:200]


def _torchvision(name: str, folder: Path) -> list[tuple[str, list[str], Pictures]]:
    """Fetch it, and give for each split its name, the names of the classes, and its pictures."""
    from torchvision import datasets  # late: brings torch

    if name == "celeba":
        datasets.CelebA(folder, split="all", download=True)
        return []
    if name == "flowers102":
        flowers = [(split, datasets.Flowers102(folder, split=split, download=True)) for split in ("train", "val", "test")]
        return [(split, part.classes, zip(part._image_files, part._labels, strict=True)) for split, part in flowers]
    cls = {"cifar10": datasets.CIFAR10, "mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[name]
    parts = [(split, cls(folder, train=split == "train", download=True)) for split in ("train", "test")]
    return [(split, part.classes, map(part.__getitem__, range(len(part)))) for split, part in parts]


def _write(splits: list[tuple[str, list[str], Pictures]], folder: Path, download: Download, progress: Progress) -> None:
    """As split/class/number.png; pictures that are files stay as they are."""
    written = 0
    for split, classes, pictures in splits:
        folders = [folder / split / _folder_name(name) for name in classes]
        for one in folders:
            one.mkdir(parents=True, exist_ok=True)
        for index, (picture, label) in enumerate(pictures):
            target = folders[label] / f"{index:05d}"
            if isinstance(picture, Path):
                picture.rename(target.with_suffix(picture.suffix))
            else:
                picture.save(target.with_suffix(".png"), compress_level=1)
            written += 1
            if written % 500 == 0:
                progress(min(999, 900 + 100 * written // download.images), 1000)


def _folder_name(name: str) -> str:
    """The name of a class as a folder may be called anywhere: "T-shirt/top" becomes "T-shirt or top"."""
    return re.sub(r"[?*:<>|\"]", "", name.replace("/", " or ")).strip()
