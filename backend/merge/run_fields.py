"""Fields that evaluations have written, where both sides have evaluated under one key.

The evaluation of the branch then comes under another key, and what it wrote under the names that
go with that. So the branch is merged as it would be if its evaluation had had that key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ..dataset.schema import FRAMES_PREFIX
from ..mongo.database import Document
from ..rawbson import layout
from ..rawbson.equality import ARRAY, DOCUMENT
from . import documents
from .labels import list_field

EVALUATIONS = "evaluations"
_FIELDS = {"": "sample_fields", FRAMES_PREFIX: "frame_fields"}
_EVALUATED = ("gt_field", "pred_field")


@dataclass(frozen=True)
class RunFields:
    """What fields of the branch are called once they are merged."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """New keys of evaluations, by those on the branch."""
    known: Collection[str] = ()
    """All keys of evaluations on the branch."""
    former: frozenset[str] = frozenset()
    """Fields that there were before."""
    labels: frozenset[str] = frozenset()
    """Fields whose labels were evaluated."""

    @classmethod
    def of(
        cls, keys: Mapping[str, str], runs: Mapping[str, Document], base: Document
    ) -> RunFields:
        """Finds what is to be renamed.

        Args:
            keys: new keys of evaluations, by those on the branch
            runs: the evaluations of the branch, by key
            base: the dataset document that both began with
        """
        configs = [runs[key].get("config") or {} for key in keys]
        labels = {config.get(name) for config in configs for name in _EVALUATED}
        former = {
            prefix + str(each["name"])
            for prefix, place in _FIELDS.items()
            for each in base.get(place) or ()
        }
        return cls(keys, tuple(runs), frozenset(former), frozenset(filter(None, labels)))

    def dataset(self, document: Document) -> Document:
        """Returns the dataset document of the branch with the new names."""
        if not self.keys:
            return document
        made = {
            place: [self._declared(each, prefix) for each in document.get(place) or ()]
            for prefix, place in _FIELDS.items()
        }
        return {**document, **made}

    def document(self, document: bytes | None, prefix: str = "") -> bytes | None:
        """Returns a sample, or a frame, of the branch with the new names.

        Args:
            document: the document, if there is one
            prefix (""): what the paths of its fields begin with
        """
        if not self.keys or document is None:
            return document
        fields = layout.fields(document)
        inside = {
            name: self._labels(element)
            for name, element in fields.items()
            if prefix + name in self.labels
        }
        names = self._new_names(name for name in fields if prefix + name not in self.former)
        return documents.renamed(layout.document({**fields, **inside}), names)

    def _declared(self, declared: Document, prefix: str) -> Document:
        path = prefix + str(declared["name"])
        if path in self.labels:
            return self._declared_labels(declared)
        names = {} if path in self.former else self._new_names([declared["name"]])
        return _named(declared, names)

    def _declared_labels(self, declared: Document) -> Document:
        inner = declared.get("fields")
        if not inner:
            return declared
        names = self._new_names(str(each["name"]) for each in inner)
        return {
            **declared,
            "fields": [self._declared_labels(_named(each, names)) for each in inner],
        }

    def _labels(self, element: bytes) -> bytes:
        """Renames attributes of a label, or of all labels of a list."""
        if element[0] == ARRAY:
            items = layout.fields(element[1:])
            made = {key: self._labels(item) for key, item in items.items()}
            return element[:1] + layout.document(made)
        if element[0] != DOCUMENT:
            return element
        fields = layout.fields(element[1:])
        place = list_field(fields)
        if place is None:
            return element[:1] + documents.renamed(element[1:], self._new_names(fields))
        if place not in fields:
            return element
        return element[:1] + layout.document({**fields, place: self._labels(fields[place])})

    def _new_names(self, names: Iterable[str]) -> dict[str, str]:
        found = {}
        for name in names:
            # That of "eval_2" belongs to it, and not to "eval"
            mine = [key for key in self.known if name == key or name.startswith(f"{key}_")]
            key = max(mine, key=len, default="")
            if key in self.keys:
                found[name] = self.keys[key] + name.removeprefix(key)
        return found


def _named(declared: Document, names: Mapping[str, str]) -> Document:
    name = str(declared["name"])
    if name not in names:
        return declared
    # Fields of evaluations are called in documents as they are declared
    stored = {"db_field": names[name]} if declared.get("db_field") else {}
    return {**declared, "name": names[name], **stored}
