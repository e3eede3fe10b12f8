"""Drawing images over HTTP, under load, beside a training run, over several versions and through crashes; all in one run, as ratios.

Real servers on real ports and clients in a process of their own, whose processor time counts against all alike. What is drawn: a DCGAN of
64 pixels and of the preset quick's width with random weights (five versions of it), a VAE and a cGAN with attributes likewise, and
StyleGAN's starter. Each figure stands beside what was asked of it. Parts, each of a minute or two, ten in all on a quiet machine:

- throughput: 16 clients that ask for an image each, against a FastAPI route that calls the generator in the thread pool (as torch comes,
  and with one thread that doesn't spin), against LitServe with its own batching, and against the bare generator in batches of 16 with its
  PNGs in a loop. The servers take turns, several rounds; of each, all requests of all rounds count. Meanwhile /healthz is asked.
- training: the same clients, before and beside a running training, whose own speed is read before and meanwhile; what each had of the
  processor.
- cost: one client; what a request takes beyond the forward pass and the encoding, at the median: beyond those of a process that also waits
  between them, and of one that does nothing else. The same of the thread pool and of LitServe.
- memory: requests over five versions, of which two have room; memory of both processes after the first 500, after each 1,000, and at
  the end.
- crashes: requests while the inference process is killed ten times.
- slider: 30 wishes a second on one live channel: seeds, a direction that a discovery has found, an attribute, truncation.

The service draws by torch, as it does without the extra `onnx`, and where it is installed by ONNX Runtime as well.

    python benchmarks/serving.py [--parts throughput cost …] [--scale 0.1] [--litserve DIR]

LitServe is measured where it is found: `pip install --target DIR litserve`.
"""

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import torch
from servers import HERE, PLAIN, THREADS, free_port, processor, rival, studio

from atelier.models import architectures, artifact
from atelier.models.base import ConditionalGenerator, ImageSpec
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.registry.tables import ACTIVE, Job, now
from atelier.settings import Settings

STYLEGAN = HERE.parent / "models_store" / "versions" / "digits-stylegan"
CLIENTS = 16
VERSIONS = 5
ATTRIBUTES = "red", "round"


def publish(store: Store, database: Database, model: str, architecture: str, seed: int, attributes: tuple[str, ...] = ()) -> Path:
    """A version with random weights, of the preset quick at 64 pixels."""
    cls = architectures[architecture]
    conditions = {"conditions": "attributes"} if attributes else {}
    hp, spec = cls.hyperparameters("quick", resolution=64, **conditions), ImageSpec(3, 64, num_attributes=len(attributes))
    torch.manual_seed(seed)
    generator = cls(hp, spec).generator
    if isinstance(generator, ConditionalGenerator):
        generator.learn_conditions(torch.eye(generator.condition_dim).repeat(100, 1))
    for parameter in generator.parameters():
        parameter.data.mul_(3)  # so that there is something to see and to compress
    with database.write() as session:
        job = Job(kind="train", status="running", spec={}, architecture=architecture, dataset="shapes", model=model)
        session.add(job)
        session.flush()
        manifest = artifact.Manifest(
            architecture=architecture,
            hyperparameters=hp.model_dump(mode="json"),
            image=artifact.image_spec_manifest(spec),
            dataset=artifact.DatasetManifest(
                name="shapes", options={}, fingerprint="0" * 64, num_images=9, class_names=[], attribute_names=list(attributes)
            ),
            training=artifact.TrainingManifest(
                job=job.id, preset="quick", seed=seed, steps=0, images_seen=0, seconds=0.0, device="cpu", metrics={}
            ),
            created_at=now(),
        )
        with store.staging(job.id) as folder:
            artifact.save(folder, generator, manifest)
            version = store.publish(session, folder, job, model, manifest.model_dump(mode="json"))
            job.succeed(version)
            return store.version(model, version.number)


def told(kind: str, folder: Path, number: int) -> float:
    command = [sys.executable, str(HERE / "rivals.py"), kind, str(folder), str(number)]
    return float(subprocess.run(command, env=PLAIN | THREADS, check=True, capture_output=True, text=True).stdout)


def play(**plan: Any) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(HERE / "clients.py"), json.dumps(plan)], env=PLAIN, capture_output=True, text=True, timeout=900
    )
    if done.returncode:
        sys.exit(done.stderr)
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def p(share: float, times: list[float]) -> float:
    """Milliseconds."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))] * 1e3


def path(model: str, number: int = 1) -> str:
    return f"/api/v1/models/{model}/versions/{number}/images"


def graph(port: str, model: str) -> bool:
    """Whether ONNX Runtime draws a model from now on; its graph is made where there is none."""
    answer = httpx.get(f"http://127.0.0.1:{port}{path(model).removesuffix('images')}download", params={"format": "onnx"}, timeout=400)
    return answer.is_success


def discover(port: str, model: str) -> None:
    """Directions in a generator's weights."""
    url, wanted = f"http://127.0.0.1:{port}/api/v1/discoveries", {"model": model, "version": 1, "methods": ["sefa"]}
    job = httpx.post(url, json=wanted, timeout=60).json()
    while job["status"] != "succeeded":
        assert job["status"] in ("queued", *ACTIVE), job
        time.sleep(0.3)
        job = httpx.get(f"{url}/{job['id']}", timeout=60).json()


def compared(rates: dict[str, float], rate: float) -> str:
    """How many times as many images we draw."""
    return ", ".join(f"{name} draws {ours / rate:.2f} times as many" for name, ours in rates.items() if name.startswith("Atelier"))


class Bench:
    def __init__(self, folder: Path, scale: float, litserve: Path | None) -> None:
        self.folder, self.scale, self.litserve = folder, scale, litserve
        settings = Settings(store_dir=folder, _env_file=None)  # type: ignore[call-arg]
        migrate(settings.resolved_database_url)
        database, store = Database(settings.resolved_database_url), Store(folder)
        self.dcgan = [publish(store, database, "dcgan", "dcgan", seed) for seed in range(VERSIONS)]
        publish(store, database, "graphed", "dcgan", VERSIONS)
        publish(store, database, "vae", "vae", 0)
        publish(store, database, "attributes", "cgan", 0, ATTRIBUTES)
        database.dispose()
        shutil.copytree(STYLEGAN, folder / "versions" / STYLEGAN.name)
        self.seed = 0

    def images(self, port: int | str, *, paths: list[str] | None = None, clients: int = CLIENTS, **plan: Any) -> dict[str, Any]:
        """Of seeds that were not asked for yet."""
        self.seed += 1_000_000
        return play(kind="images", port=int(port), paths=paths or [path("dcgan")], clients=clients, first_seed=self.seed, **plan)

    def throughput(self) -> None:
        seconds, rounds = max(2.0, 6 * self.scale), 2 if self.scale >= 1 else 1
        rivals = {"thread pool, as torch comes": ("pool", {}), "thread pool, one thread": ("pool", THREADS)}
        if self.litserve is not None:
            rivals["LitServe"] = ("litserve", THREADS | {"PYTHONPATH": str(self.litserve)})
        seen: dict[str, list[dict[str, Any]]] = {}
        bare = []
        for _ in range(rounds):
            bare.append(told("raw", self.dcgan[0], max(2, int(seconds))))
            with studio(self.folder) as (_, port):
                ours = {"Atelier": "dcgan"} | ({"Atelier by ONNX Runtime": "graphed"} if graph(port, "graphed") else {})
                for name, model in ours.items():
                    self.images(port, requests=32, paths=[path(model)])
                    seen.setdefault(name, []).append(self.images(port, seconds=seconds, paths=[path(model)], probe="/healthz"))
            for name, (kind, environment) in rivals.items():
                with rival(kind, self.dcgan[0], free_port(), environment) as (_, port):
                    self.images(port, requests=32, paths=["/images"])
                    seen.setdefault(name, []).append(self.images(port, seconds=seconds, paths=["/images"], probe="/healthz"))
        rates = {name: sum(len(one["times"]) for one in all) / sum(one["seconds"] for one in all) for name, all in seen.items()}
        print(f"throughput, {CLIENTS} clients (asked: twice the thread pool's, .8 of the loop's, LitServe's; /healthz p95 below 20 ms):")
        for name, all in seen.items():
            times, probed = [t for one in all for t in one["times"]], [t for one in all for t in one["probed"]]
            print(
                f"  {name}: {rates[name]:.0f} images/s, p50 {p(0.5, times):.0f} ms, p95 {p(0.95, times):.0f} ms, "
                f"/healthz p95 {p(0.95, probed):.1f} ms; {compared(rates, rates[name])}"
            )
        loop = statistics.mean(bare)
        print(f"  bare generator in a loop: {loop:.0f} images/s; {compared(rates, loop)}")

    def training(self) -> None:
        seconds = max(3.0, 15 * self.scale)
        with studio(self.folder) as (server, port), httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as client:
            self.images(port, requests=32)
            alone = self.images(port, seconds=seconds)
            job = {"architecture": "dcgan", "dataset": "shapes", "model": "busy", "preset": "quick"}
            run = f"/training-runs/{client.post('/training-runs', json=job | {'hyperparameters': {'steps': 100_000}}).json()['id']}"
            deadline = time.monotonic() + 180
            while client.get(run).json()["step"] < 20:
                assert time.monotonic() < deadline, client.get(run).json()
                time.sleep(0.5)

            def steps(work: Callable[[], Any]) -> tuple[float, Any]:
                first, begun = client.get(run).json()["step"], time.perf_counter()
                done = work()
                return (client.get(run).json()["step"] - first) / (time.perf_counter() - begun), done

            before, _ = steps(lambda: time.sleep(seconds))
            used = processor(server)
            beside, busy = steps(lambda: self.images(port, seconds=seconds))
            used = {name: time - used.get(name, 0) for name, time in processor(server).items()}
        times, others = alone["times"], busy["times"]
        print(f"training: {CLIENTS} clients, p95 {p(0.95, times):.0f} ms alone, {p(0.95, others):.0f} ms beside it,", end=" ")
        print(
            f"{p(0.95, others) / p(0.95, times):.2f} times; {len(times) / seconds:.0f} and {len(others) / seconds:.0f} images/s;", end=" "
        )
        print(f"the training's steps/s {before:.2f} without clients, {beside:.2f} with: {beside / before:.2f} (asked: .5 at least)")
        shares = {**{name: time / busy["seconds"] for name, time in used.items()}, "clients": busy["processor"] / busy["seconds"]}
        print("  cores' worth of processor time meanwhile: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))

    def cost(self) -> None:
        count, rounds = max(30, int(150 * self.scale)), 5 if self.scale >= 1 else 3
        rivals = {"thread pool, one thread": ("pool", THREADS)}
        if self.litserve is not None:
            rivals["LitServe"] = ("litserve", THREADS | {"PYTHONPATH": str(self.litserve)})
        servers = {"Atelier": (lambda: studio(self.folder), path("dcgan"))}
        for name, (kind, environment) in rivals.items():
            servers[name] = (partial(rival, kind, self.dcgan[0], free_port(), environment), "/images")
        print("cost, one client: medians of a request, and of its forward pass and encoding after a pause and in a loop, ms:")
        for name, (start, asked_at) in servers.items():
            medians = []
            with start() as (_, port):
                self.images(port, requests=10, clients=1, paths=[asked_at])
                for _ in range(rounds):
                    self.seed += 1_000_000
                    asked = p(0.5, play(kind="one", port=int(port), path=asked_at, requests=count, first_seed=self.seed)["times"])
                    medians.append((asked, *(told(kind, self.dcgan[0], count) for kind in ("paced", "alone"))))
            beyond = [statistics.median(asked - bare[kind] for asked, *bare in medians) for kind in (0, 1)]
            each = "; ".join(f"{asked:.1f}, {bare[0]:.1f}, {bare[1]:.1f}" for asked, *bare in medians)
            print(f"  {name}: {each}: {beyond[0]:.1f} ms more than after a pause, {beyond[1]:.1f} than in a loop", flush=True)

    def memory(self) -> None:
        first, rest = int(500 * min(1, self.scale * 2)), int(9500 * self.scale)
        size = (self.dcgan[0] / artifact.WEIGHTS).stat().st_size
        paths = [path("dcgan", number + 1) for number in range(VERSIONS)]
        with studio(self.folder, loaded_bytes=int(2.5 * size)) as (server, port):

            def resident() -> list[int]:
                return [one.memory_info().rss for one in (server, *server.children())]

            seen: Counter[str] = Counter()
            early: list[int] = []
            print(f"memory, over {VERSIONS} versions, of which two have room (asked: 1.05 times at most):", flush=True)
            for done in (first, *range(1000, first + rest, 1000), first + rest):
                seen.update(self.images(port, requests=done - seen.total(), paths=paths, patience=880)["statuses"])
                late = resident()
                early = early or late
                told_ = ", ".join(f"{n >> 20}" for n in late)
                print(f"  after {done}: server and inference {told_} MB, {sum(late) / sum(early):.3f} times", flush=True)
            loaded = httpx.get(f"http://127.0.0.1:{port}/api/v1/system").json()["inference"]["loaded"]
        print(f"  answers {dict(seen)}; {len(loaded)} versions stay loaded")

    def crashes(self) -> None:
        requests, kills = max(100, int(1000 * self.scale)), 10 if self.scale >= 1 else 2
        with studio(self.folder) as (server, port):
            self.images(port, requests=8)
            self.seed += 1_000_000
            plan = {
                "kind": "images",
                "port": int(port),
                "paths": [path("dcgan")],
                "clients": 8,
                "first_seed": self.seed,
                "requests": requests,
            }
            command = [sys.executable, str(HERE / "clients.py"), json.dumps(plan)]
            client, killed = subprocess.Popen(command, env=PLAIN, stdout=subprocess.PIPE, text=True), 0
            try:
                while client.poll() is None and killed < kills:
                    before = httpx.get(f"http://127.0.0.1:{port}/api/v1/system", timeout=60).json()["inference"]
                    for child in server.children():
                        with suppress(psutil.NoSuchProcess):
                            if before["memory"] and "atelier.serving.worker" in child.cmdline():
                                time.sleep(0.3)
                                child.kill()
                                killed += 1
                    time.sleep(0.3)
                seen = json.loads(client.communicate(timeout=600)[0])
            finally:
                client.kill()
                client.wait()
        answered = sum(seen["statuses"].values())
        print(f"crashes: {requests} requests, the process killed {killed} times: {seen['statuses']},", end=" ")
        print(f"{answered} answered (asked: all, by 200 or 503)")

    def slider(self) -> None:
        wishes, style = max(60, int(300 * self.scale)), STYLEGAN.name
        with studio(self.folder) as (_, port):
            for model in ("dcgan", style):
                discover(port, model)
            fixed = {"seed": 1, "noise_mode": "const"}
            cases: list[tuple[str, str, dict[str, Any], str, int]] = [
                ("dcgan", "seeds", {}, "seed", 50),
                ("dcgan", "a direction", {"seed": 1}, "directions/sefa-1", 50),
                ("attributes", "an attribute", {"seed": 1}, f"attributes/{ATTRIBUTES[0]}", 50),
                ("vae", "seeds", {}, "seed", 50),
                (style, "truncation", fixed, "truncation_psi", 120),
                (style, "a direction", fixed, "directions/sefa-1", 120),
                (style, "truncation, by ONNX Runtime", fixed, "truncation_psi", 120),
            ]
            for model, title, wish, turned, asked in cases:
                if "ONNX" in title and not graph(port, model):
                    continue
                httpx.post(f"http://127.0.0.1:{port}{path(model).replace('images', 'load')}", json={}, timeout=180).raise_for_status()
                live = path(model).replace("images", "live")
                plan = {"kind": "slider", "port": int(port), "path": live, "rate": 30, "wish": wish, "turned": turned}
                play(**plan, wishes=30)
                seen = play(**plan, wishes=wishes)
                print(f"slider, {model}, {title}: {wishes} wishes at 30/s, {seen['answered']} answered, the last one too;", end=" ")
                print(f"in order: {seen['ordered']}; p50 {p(0.5, seen['times']):.0f} ms, p95 {p(0.95, seen['times']):.0f} (asked: {asked})")

    parts = (throughput, training, cost, memory, crashes, slider)


if __name__ == "__main__":
    names = [part.__name__ for part in Bench.parts]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--parts", nargs="+", choices=[part.__name__ for part in Bench.parts], default=[part.__name__ for part in Bench.parts]
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of all counts and times; below 1 to see that it runs")
    parser.add_argument("--litserve", type=Path, help="where it was installed")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of every `finally`, which end what runs
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.scale, arguments.litserve)
        for part in Bench.parts:
            if part.__name__ in arguments.parts:
                begun = time.perf_counter()
                part(bench)
                print(f"  ({part.__name__} took {time.perf_counter() - begun:.0f} s)", flush=True)
