"""What ``make app`` adds, so that every feature has something to show: boxes, and a run."""

from __future__ import annotations

import fiftyone as fo
import numpy as np
from PIL import Image

import fiftyone_snapshots as fos

_IMAGES = 60
_INK = 128


def add(dataset: fo.Dataset) -> None:
    """Draws boxes, evaluates the predictions, corrects some boxes; with a snapshot of each state.

    Args:
        dataset: the digits
    """
    some = list(dataset.limit(_IMAGES))
    for sample in some:
        label = sample.ground_truth.label
        sample["boxes"] = fo.Detections(
            detections=[fo.Detection(label=label, bounding_box=_ink(sample.filepath))]
        )
        sample.save()
    dataset.evaluate_classifications("prediction", gt_field="ground_truth", eval_key="eval")
    fos.create_snapshot(dataset, "boxes", "Boxes drawn by hand, predictions evaluated")

    for number, sample in enumerate(some[:12]):
        boxes = sample.boxes.detections
        if number % 4 == 0:
            boxes[0].label = str((int(boxes[0].label) + 1) % 10)
        elif number % 4 == 1:
            x, y, width, height = boxes[0].bounding_box
            boxes[0].bounding_box = [max(0.0, x - 0.08), y, width, min(1 - y, height + 0.06)]
        elif number % 4 == 2:
            boxes.pop()
        else:
            boxes.append(fo.Detection(label="smudge", bounding_box=[0.7, 0.7, 0.25, 0.25]))
        sample.save()
    fos.create_snapshot(dataset, "boxes checked", "Twelve boxes corrected")


def _ink(path: str) -> list[float]:
    """Returns the box around what is written, in FiftyOne's coordinates."""
    pixels = np.asarray(Image.open(path)) < _INK
    rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    height, width = pixels.shape
    left, top = columns[0] / width, rows[0] / height
    right, bottom = (columns[-1] + 1) / width, (rows[-1] + 1) / height
    return [float(left), float(top), float(right - left), float(bottom - top)]
