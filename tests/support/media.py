"""Small datasets whose images exist, for what is looked at."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def digit_images(folder: Path, count: int) -> list[tuple[Path, str]]:
    """Writes real images of handwritten digits.

    Args:
        folder: where to put them
        count: how many

    Returns:
        the files, and which digit each shows
    """
    digits = load_digits()
    written = []
    for number in range(count):
        path = folder / f"digit-{number:04d}.png"
        grey = Image.fromarray((255 - digits.images[number] * 15.9).astype(np.uint8))
        grey.resize((96, 96), Image.Resampling.BICUBIC).save(path)
        written.append((path, str(digits.target[number])))
    return written


def digits_dataset(name: str, folder: Path, count: int = 40) -> fo.Dataset:
    """Makes a labelled image dataset that the App can show.

    Args:
        name: its name
        folder: where to put the images
        count (40): how many

    Returns:
        the dataset
    """
    dataset = fo.Dataset(name, persistent=True)
    dataset.add_samples(
        [
            fo.Sample(
                str(path),
                tags=["train" if number % 5 else "validation"],
                ground_truth=fo.Classification(label=label),
            )
            for number, (path, label) in enumerate(digit_images(folder, count))
        ]
    )
    return dataset


def grouped_digits(name: str, folder: Path, groups: int = 6) -> fo.Dataset:
    """Makes a grouped dataset of images that the App can show; see :func:`digits_dataset`."""
    dataset = fo.Dataset(name, persistent=True)
    dataset.add_group_field("group", default="left")
    images = digit_images(folder, 2 * groups)
    samples = []
    for number in range(groups):
        group = fo.Group()
        for slice_name, (path, label) in zip(
            ("left", "right"), images[2 * number : 2 * number + 2], strict=True
        ):
            classification = fo.Classification(label=label)
            sample = fo.Sample(str(path), ground_truth=classification)
            sample["group"] = group.element(slice_name)
            samples.append(sample)
    dataset.add_samples(samples)
    return dataset
