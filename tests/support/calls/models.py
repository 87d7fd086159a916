"""A model that needs neither weights nor torch."""

from __future__ import annotations

import fiftyone as fo
import fiftyone.core.models as fom
import numpy as np


class ToyModel(fom.Model, fom.EmbeddingsMixin):
    """Says how bright an image is."""

    media_type = "image"
    has_logits = False
    has_embeddings = True
    ragged_batches = False
    transforms = None
    preprocess = False

    def predict(self, arg: np.ndarray) -> fo.Classification:
        return fo.Classification(label="bright" if arg.mean() > 100 else "dark", confidence=0.5)

    def get_embeddings(self) -> np.ndarray:
        raise NotImplementedError

    def embed(self, arg: np.ndarray) -> np.ndarray:
        return np.array([arg.mean(), arg.std()])

    def embed_all(self, args: list[np.ndarray]) -> np.ndarray:
        return np.stack([self.embed(arg) for arg in args])
