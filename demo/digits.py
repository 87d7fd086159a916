"""A labelled dataset of real images: handwritten digits from the UCI repository.

They come inside scikit-learn, so nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

NAME = "digits"

_IMAGES = 500
_SIDE_PIXELS = 96


def make(folder: Path) -> fo.Dataset:
    """Makes the dataset: images, labels, and the predictions of a small model.

    Args:
        folder: where to put the images

    Returns:
        the dataset
    """
    if fo.dataset_exists(NAME):
        fo.delete_dataset(NAME)
    digits = load_digits()
    pixels, labels = digits.images[:_IMAGES], digits.target[:_IMAGES]
    flat = pixels.reshape(len(pixels), -1)
    chances = cross_val_predict(
        LogisticRegression(max_iter=200, C=0.01), flat, labels, cv=3, method="predict_proba"
    )

    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for number, (image, label, chance) in enumerate(zip(pixels, labels, chances, strict=True)):
        path = folder / f"digit-{number:04d}.png"
        grey = Image.fromarray((255 - image * 15.9).astype(np.uint8))
        grey.resize((_SIDE_PIXELS, _SIDE_PIXELS), Image.Resampling.BICUBIC).save(path)
        samples.append(
            fo.Sample(
                filepath=str(path),
                tags=["train" if number % 5 else "validation"],
                ground_truth=fo.Classification(label=str(label)),
                prediction=fo.Classification(
                    label=str(chance.argmax()), confidence=float(chance.max())
                ),
            )
        )
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_samples(samples)
    dataset.save_view("wrong predictions", _wrong(dataset))
    return dataset


def _wrong(dataset: fo.Dataset) -> fo.DatasetView:
    return dataset.match(fo.ViewField("prediction.label") != fo.ViewField("ground_truth.label"))
