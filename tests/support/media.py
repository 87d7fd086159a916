"""Small datasets whose images exist, for what is looked at."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import numpy as np
from PIL import Image, ImageDraw
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


def street_dataset(name: str, folder: Path, count: int = 12) -> fo.Dataset:
    """Makes an image dataset with boxes that the App can show: drawn streets with vehicles.

    Args:
        name: its name
        folder: where to put the images
        count (12): how many

    Returns:
        the dataset
    """
    dataset = fo.Dataset(name, persistent=True)
    random = np.random.default_rng(7)
    samples = []
    for number in range(count):
        path = folder / f"street-{number:03d}.png"
        image = Image.new("RGB", (480, 320), (196, 214, 230))
        draw = ImageDraw.Draw(image)
        for left in range(0, 480, 60):
            top = int(random.integers(40, 130))
            draw.rectangle([left, top, left + 52, 190], fill=(150, 146, 152))
        draw.rectangle([0, 190, 480, 320], fill=(92, 94, 100))
        for left in range(0, 480, 70):
            draw.rectangle([left, 252, left + 36, 257], fill=(226, 222, 196))
        labels = []
        for place, (label, color) in enumerate((("car", (178, 52, 48)), ("bus", (58, 128, 104)))):
            width, height = (130, 62) if label == "car" else (170, 92)
            left, bottom = 30 + 220 * place + int(random.integers(0, 40)), 246 + 40 * (1 - place)
            top = bottom - height
            draw.rounded_rectangle([left, top, left + width, bottom], 12, fill=color)
            draw.rectangle([left + 14, top + 9, left + width - 14, top + 28], fill=(214, 232, 240))
            for wheel in (left + 24, left + width - 44):
                draw.ellipse([wheel, bottom - 12, wheel + 22, bottom + 10], fill=(34, 34, 38))
            box = [left / 480, top / 320, width / 480, (height + 10) / 320]
            labels.append(fo.Detection(label=label, bounding_box=box))
        image.save(path)
        samples.append(fo.Sample(str(path), ground_truth=fo.Detections(detections=labels)))
    dataset.add_samples(samples)
    return dataset
