"""Brain, evaluation, annotation and custom runs: computing, saving, renaming, deleting."""

from __future__ import annotations

import types
from typing import Any
from unittest import mock

import fiftyone as fo
import fiftyone.brain as fob
import numpy as np
from fiftyone.brain.internal.core import representativeness
from sklearn.cluster import KMeans

from .annotation import PaperBackendConfig
from .registry import GROUP, IMAGE, VIDEO, Media, Subject, on
from .subjects import DESCRIPTION, VIEW

_reads = on(DESCRIPTION, VIEW).reads
_writes = on(DESCRIPTION, VIEW).writes
_dataset_writes = on(DESCRIPTION).writes
FLAT = IMAGE | VIDEO

# custom runs


@_writes("register_run")
def _(collection: Any) -> None:
    collection.register_run("new", collection.init_run(method="new", why="test"))


@_writes("register_run", "with results")
def _(collection: Any) -> None:
    config = collection.init_run(method="new")
    collection.register_run(
        "new", config, results=fo.RunResults(collection, config, "new", total=1)
    )


@_writes("save_run_results")
def _(collection: Any) -> None:
    collection.save_run_results("own", collection.init_run_results("own", total=4))


@_writes("update_run_config")
def _(collection: Any) -> None:
    config = collection.get_run_info("own").config
    config.why = "new"
    collection.update_run_config("own", config)


for _kind, _name, _key in (
    ("annotation", "annotation_run", "paper"),
    ("brain", "brain_run", "similar"),
    ("evaluation", "evaluation", "verdict"),
    ("run", "run", "own"),
):

    def _enter(kind: str, name: str, key: str) -> None:
        _writes(f"rename_{name}")(lambda c: getattr(c, f"rename_{name}")(key, "renamed"))
        _writes(f"delete_{name}")(lambda c: getattr(c, f"delete_{name}")(key))
        _writes(f"delete_{name}s")(lambda c: getattr(c, f"delete_{name}s")())
        _dataset_writes(f"load_{kind}_results", "save the results")(
            lambda c: getattr(c, f"load_{kind}_results")(key).save()
        )
        _dataset_writes(f"load_{kind}_results", "save the configuration")(
            lambda c: _save_config(getattr(c, f"load_{kind}_results")(key))
        )

    _enter(_kind, _name, _key)


def _save_config(results: Any) -> None:
    results.config.type_hint = "new"
    results.save_config()


# annotation

_writes("annotate", media=IMAGE)(
    lambda c: c.annotate(
        "new", label_field="weather", classes=["cat", "annotated"], backend=PaperBackendConfig
    )
)
_writes("load_annotations")(lambda c: c.load_annotations("paper"))
_writes("load_annotations", "into a new field")(
    lambda c: c.load_annotations("paper", dest_field="annotated")
)

# evaluation

for _member, _arguments, _media in (
    ("evaluate_classifications", ("forecast", "weather"), IMAGE),
    ("evaluate_detections", ("predictions", "ground_truth"), IMAGE),
    ("evaluate_regressions", ("level", "level"), IMAGE),
    ("evaluate_segmentations", ("segmentation", "segmentation"), IMAGE),
):

    def _evaluate(member: str, fields: tuple[str, str], media: frozenset[Media]) -> None:
        def evaluate(collection: Any, **arguments: Any) -> Any:
            return getattr(collection, member)(fields[0], gt_field=fields[1], **arguments)

        _writes(member, media=media)(lambda c: evaluate(c, eval_key="new"))
        _reads(member, "without a key", media=media)(lambda c: evaluate(c).metrics())

    _evaluate(_member, _arguments, _media)

_dataset_writes("evaluate_detections", "again", media=IMAGE)(
    lambda c: c.evaluate_detections(
        "predictions", gt_field="ground_truth", eval_key="boxes", iou=0.9
    )
)
_dataset_writes("evaluate_detections", "open images", media=IMAGE)(
    lambda c: c.evaluate_detections(
        "predictions", gt_field="ground_truth", eval_key="new", method="open-images"
    )
)
_dataset_writes("evaluate_detections", "of frames", media=VIDEO)(
    lambda c: c.evaluate_detections(
        "frames.predictions", gt_field="frames.detections", eval_key="new"
    )
)
_dataset_writes("evaluate_classifications", "top-k", media=IMAGE)(
    lambda c: c.evaluate_classifications(
        "forecast",
        gt_field="weather",
        eval_key="new",
        method="top-k",
        k=2,
        classes=["cat", "dog", "bird"],
    )
)

# brain


def _embeddings(collection: Any) -> np.ndarray:
    return np.stack(collection.values("embedding"))


BRAIN = on(Subject("fiftyone.brain", lambda dataset: dataset, FLAT, usual=IMAGE))
SLICE = on(
    Subject("fiftyone.brain", lambda dataset: dataset.select_group_slices("left"), GROUP, "slice")
)

BRAIN.writes("compute_hardness")(lambda c: fob.compute_hardness(c, "forecast"))
BRAIN.writes("compute_mistakenness")(
    lambda c: fob.compute_mistakenness(c, "forecast", label_field="weather", use_logits=True)
)
BRAIN.writes("compute_mistakenness", "of detections", media=IMAGE)(
    lambda c: fob.compute_mistakenness(c, "predictions", label_field="ground_truth")
)
BRAIN.writes("compute_uniqueness")(lambda c: fob.compute_uniqueness(c, embeddings=_embeddings(c)))


@BRAIN.writes(
    "compute_representativeness", note="the brain wants 20 clusters, and as many samples"
)
def _(collection: Any) -> None:
    few = types.SimpleNamespace(KMeans=lambda **_: KMeans(n_clusters=1, random_state=1))
    with mock.patch.object(representativeness, "skc", few):
        fob.compute_representativeness(collection, embeddings=_embeddings(collection))


BRAIN.writes("compute_similarity")(
    lambda c: fob.compute_similarity(c, embeddings="embedding", brain_key="new", backend="sklearn")
)
BRAIN.writes("compute_visualization")(
    lambda c: fob.compute_visualization(c, embeddings="embedding", brain_key="new", method="pca")
)
BRAIN.writes("compute_visualization", "into a field")(
    lambda c: fob.compute_visualization(
        c,
        points=np.arange(2.0 * len(c)).reshape(-1, 2),
        brain_key="new",
        create_index=True,
        points_field="points",
    )
)
BRAIN.writes("compute_hardness", "of videos", media=VIDEO)(
    lambda c: fob.compute_hardness(c, "forecast")
)
SLICE.writes("compute_uniqueness")(lambda c: fob.compute_uniqueness(c, embeddings=_embeddings(c)))
SLICE.writes("compute_similarity")(
    lambda c: fob.compute_similarity(c, embeddings="embedding", brain_key="new", backend="sklearn")
)
BRAIN.reads("compute_similarity", "without a key", comparable=False)(
    lambda c: fob.compute_similarity(c, embeddings=_embeddings(c), backend="sklearn")
)
BRAIN.reads("compute_visualization", "without a key", comparable=False)(
    lambda c: fob.compute_visualization(c, embeddings=_embeddings(c), method="pca").points
)
BRAIN.reads("compute_exact_duplicates")(fob.compute_exact_duplicates)
BRAIN.reads("compute_near_duplicates", comparable=False)(
    lambda c: fob.compute_near_duplicates(c, embeddings=_embeddings(c), threshold=0.1)
)
BRAIN.reads("compute_leaky_splits", comparable=False)(
    lambda c: fob.compute_leaky_splits(
        c,
        splits={"even": c.match_tags("even"), "odd": c.match_tags("even", bool=False)},
        embeddings=_embeddings(c),
        threshold=0.1,
    )
)

SIMILARITY = Subject(
    "SimilarityIndex", lambda dataset: dataset.load_brain_results("similar"), FLAT
)


@on(SIMILARITY).writes("add_to_index")
def _(index: Any) -> None:
    index.add_to_index(np.ones((1, 4)), np.array([index.samples.first().id]), overwrite=True)
    index.save()


@on(SIMILARITY).writes("remove_from_index")
def _(index: Any) -> None:
    index.remove_from_index(sample_ids=[index.samples.first().id])
    index.save()


on(SIMILARITY).reads("sort_by_similarity")(
    lambda index: index.sort_by_similarity(index.samples.first().id, k=2)
)
on(SIMILARITY).reads("get_embeddings")(lambda index: index.get_embeddings()[0])
on(SIMILARITY).writes("sort_by_similarity", "store distances")(
    lambda index: index.sort_by_similarity(index.samples.first().id, k=2, dist_field="distance")
)
on(SIMILARITY).writes("cleanup", cannot_run="changes nothing for this backend")(
    lambda index: index.cleanup()
)
