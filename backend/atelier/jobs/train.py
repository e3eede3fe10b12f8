"""A training run: data set → networks → the loop → a version."""

import logging
from datetime import timedelta
from typing import Any

import torch
from safetensors.torch import load_file
from sqlalchemy import select
from sqlalchemy.orm import Session

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import Catalog
from atelier.errors import AtelierError
from atelier.jobs import provenance
from atelier.jobs.evaluations import submit_evaluation
from atelier.jobs.progress import Progress, write_grid
from atelier.jobs.recorder import JobInterrupted, JobPaused, Recorder
from atelier.jobs.scoring import Scorer
from atelier.jobs.specs import EvaluateSpec, TrainSpec
from atelier.models import architectures, artifact
from atelier.models.base import GenerativeModel, Hyperparameters
from atelier.models.devices import pick_device
from atelier.models.layers import initialise
from atelier.models.prompted import PromptedGenerator, PromptedHyperparameters
from atelier.registry.store import Store
from atelier.registry.tables import DatasetRow, now
from atelier.settings import Settings
from atelier.text.captions import source_of, templates_of
from atelier.text.memory import Memory
from atelier.training import checkpoint, parallel
from atelier.training.loop import Training, TrainingDiverged

log = logging.getLogger("atelier.jobs")


def run(json_spec: dict[str, Any], recorder: Recorder, store: Store, settings: Settings) -> None:
    """Of several processes (torchrun), the first one does all of this; the others take part in the training alone."""
    spec = TrainSpec.model_validate(json_spec)
    architecture = architectures[spec.architecture]
    device = parallel.start(pick_device(settings.device))

    with parallel.first_before_others():
        dataset = _prepare(spec, recorder, store)
    hp = architecture.Hyperparameters.model_validate(spec.hyperparameters)
    hp = hp.for_images(len(dataset.rows(hp.split)))
    torch.manual_seed(spec.seed)
    model = architecture(hp, dataset.spec)
    initialise(model, hp.initialisation)
    if spec.start_from is not None:
        _start_from(model, hp, spec.start_from, store)
    training = Training(model, dataset, hp, device=device, seed=spec.seed)
    metrics = _resume(training, spec, recorder.job_id, store)
    if parallel.rank() > 0:
        training.run(lambda tick: None)
        return

    recorder.rewind(training.step)
    _register(dataset, spec, recorder)
    log.info(
        "%s on %s (%d images of %d×%d), %s on %s",
        architecture.title, spec.dataset, len(training.batches.rows), hp.resolution, hp.resolution,
        f"{training.total_steps} steps" if training.end is not None else f"{hp.minutes:g} minutes", device,
    )  # fmt: skip
    scorer = None
    if spec.scoring is not None:
        scorer = Scorer(spec, training, recorder, store)
        scorer.forget_after(training.step)
    progress = Progress(training, recorder, store, checkpoint_seconds=settings.checkpoint_seconds, metrics=metrics, scorer=scorer)
    try:
        training.run(progress)
    except TrainingDiverged as error:
        raise ValueError(str(error)) from error  # a ValueError's message reaches the user as it is
    except (JobPaused, JobInterrupted):
        progress.save_checkpoint()
        raise
    finally:
        progress.close()
    progress.save_checkpoint()
    log.info("Trained in %s.", timedelta(seconds=round(training.seconds)))

    manifest = _manifest(spec, hp, dataset, training, recorder.job_id, progress.metrics)
    if scorer is not None:  # the checkpoint goes on from the last step all the same
        manifest.training.best = scorer.load_best()
    with store.staging(recorder.job_id) as folder:
        artifact.save(folder, training.average, manifest, model)
        if isinstance(training.average, PromptedGenerator):
            with torch.inference_mode():
                Memory.of(training.batches.captions, training.batches.rows.tolist(), training.average.sentences).save(folder)
        write_grid(training.preview(), folder / artifact.SAMPLES)
        with recorder.transaction() as (session, job):
            version = store.publish(session, folder, job, spec.model, manifest.model_dump(mode="json"))
            job.succeed(version)
            if spec.evaluate:
                _evaluate(session, spec, version.number, store)
    log.info("Published %s@%d.", spec.model, version.number)


def _evaluate(session: Session, spec: TrainSpec, version: int, store: Store) -> None:
    """Queue the evaluation that was asked for, in the transaction in which the version appears; without it, the run is as good."""
    asked = EvaluateSpec(model=spec.model, version=version, metrics=spec.evaluate, priority=spec.priority)
    try:
        evaluation = submit_evaluation(session, asked, Catalog(store.sources), store)
        log.info("Evaluation %d measures %s.", evaluation.id, ", ".join(spec.evaluate))
    except AtelierError as error:
        log.warning("The version can't be evaluated: %s", error)


def _prepare(spec: TrainSpec, recorder: Recorder, store: Store) -> PreparedDataset:
    dataset = Catalog(store.sources).open(spec.dataset, spec.dataset_options)
    beat = (lambda done, total: recorder.beat("prepare")) if parallel.rank() == 0 else None
    return prepare(dataset, spec.hyperparameters["resolution"], store.datasets, beat)


def _resume(training: Training, spec: TrainSpec, job_id: int, store: Store) -> dict[str, float]:
    """Go on from the job's own checkpoint, or from that of the run it continues; the metrics up to there."""
    own = store.checkpoint(job_id)
    if own.exists():
        saved = checkpoint.load(own)
        training.load_state_dict(saved["training"])
        log.info("Going on from step %d.", training.step)
    elif spec.continues is not None:
        if not store.checkpoint(spec.continues).exists():
            raise ValueError(f"The checkpoint of run {spec.continues} is gone, so there is nothing to continue.")
        saved = checkpoint.load(store.checkpoint(spec.continues))
        training.load_state_dict(saved["training"])
        training.extend(spec.more_steps or 0)
        log.info("Continuing run %d after step %d.", spec.continues, training.step)
    else:
        return {}
    metrics: dict[str, float] = saved["metrics"]
    return metrics


def _manifest(
    spec: TrainSpec, hp: Hyperparameters, dataset: PreparedDataset, training: Training, job: int, metrics: dict[str, float]
) -> artifact.Manifest:
    return artifact.Manifest(
        architecture=spec.architecture,
        hyperparameters=hp.model_dump(mode="json"),
        image=artifact.image_spec_manifest(dataset.spec),
        dataset=artifact.DatasetManifest(
            name=spec.dataset,
            options=spec.dataset_options,
            fingerprint=dataset.fingerprint,
            num_images=len(dataset.images),
            num_trained=len(training.batches.rows),
            class_names=list(dataset.class_names),
            attribute_names=list(dataset.attribute_names),
            captions=_captions(hp, dataset, training),
        ),
        training=artifact.TrainingManifest(
            job=job,
            preset=spec.preset,
            seed=spec.seed,
            steps=training.step,
            images_seen=training.images_seen,
            skipped_steps=training.skipped_steps,
            seconds=round(training.seconds, 3),
            device=str(training.device),
            hardware=provenance.hardware(training.device),
            precision=str(training.precision).removeprefix("torch."),
            processes=parallel.processes(),
            start_from=spec.start_from,
            continues=spec.continues,
            metrics=metrics,
        ),
        packages=provenance.packages(),
        revision=provenance.revision(),
        created_at=now(),
    )


def _captions(hp: Hyperparameters, dataset: PreparedDataset, training: Training) -> artifact.CaptionsManifest | None:
    if not isinstance(hp, PromptedHyperparameters):
        return None
    source = source_of(any(dataset.captions), dataset.class_names, dataset.attribute_names)
    assert source is not None
    return artifact.CaptionsManifest(
        source=source,
        templates=list(templates_of(source)),
        count=len({caption for row in training.batches.rows for caption in training.batches.captions[row]}),
        augmentation={
            **({"word_dropout": hp.word_dropout} if hp.text_encoder == "learned" else {}),
            **({"recolour": hp.recolour} if hp.recolour else {}),
        },
    )


def _register(dataset: PreparedDataset, spec: TrainSpec, recorder: Recorder) -> None:
    """The prepared data set's row, unless an earlier job wrote it."""
    with recorder.transaction() as (session, _):
        if session.scalar(select(DatasetRow).where(DatasetRow.fingerprint == dataset.fingerprint)) is None:
            row = DatasetRow(
                name=spec.dataset,
                options=spec.dataset_options,
                fingerprint=dataset.fingerprint,
                resolution=dataset.spec.resolution,
                channels=dataset.spec.channels,
                num_images=len(dataset.images),
                class_names=list(dataset.class_names),
            )
            session.add(row)


def _start_from(model: GenerativeModel, hp: Hyperparameters, version: str, store: Store) -> None:
    """Give the networks a version's weights: all of them where it kept them, and whatever other data ask to be shaped anew stays new."""
    name, _, number = version.partition("@")
    folder = store.version(name, int(number))
    saved = {f"generator.{key}": value for key, value in load_file(folder / artifact.WEIGHTS).items()}
    if (folder / artifact.NETWORKS).exists():
        saved = load_file(folder / artifact.NETWORKS)
    own = model.state_dict()
    fitting = {key: value for key, value in saved.items() if key in own and own[key].shape == value.shape}
    drawing = [key for key in own if key.startswith("generator.")]
    if sum(own[key].numel() for key in drawing if key in fitting) < sum(own[key].numel() for key in drawing) / 2:
        theirs, shared = artifact.read_manifest(folder).hyperparameters, set(Hyperparameters.model_fields) - {"resolution"}
        differing = [f"{key} is {theirs[key]}, here {value}" for key, value in hp.model_dump(mode="json").items()
                     if key in theirs and key not in shared and theirs[key] != value]  # fmt: skip
        raise ValueError(f"{version} has another network: {'; '.join(differing) or 'its pictures differ'}. Take the values of {version}.")
    model.load_state_dict(fitting, strict=False)
    new = [key for key in own if key not in fitting]
    log.info("Begun with the weights of %s%s.", version, f"; new are {', '.join(new)}" if new else "")
