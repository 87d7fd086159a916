"""Values that somebody gives for conflicts: only what FiftyOne can load is taken.

FiftyOne's own fields say what that is: those that the sides declare, those of labels, and those of
the dataset document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import fiftyone.core.fields as fof
import fiftyone.core.labels as fol
import fiftyone.core.odm as foo
from bson import ObjectId

from ..dataset.schema import FRAMES_PREFIX, db_key
from ..errors import InvalidRequestError
from ..mongo.database import Document
from .conflicts import Conflict, ConflictKind, Resolution, Take
from .judge import Decide
from .labels import CLASS, PLACE

_KEYS = re.compile(r'"(?:[^"\\]|\\.)*"|[^.]+')
_NUMBERS = (fof.FloatField, fof.IntField, fof.BooleanField)
_OTHERWISE_STORED = (fof.VectorField, fof.ArrayField, fof.DateField, fof._GeoField)


class Given:
    """Checks values that somebody gives.

    Args:
        documents: returns the dataset documents of the sides, and of their base
    """

    def __init__(self, documents: Callable[[], Iterable[Document]]) -> None:
        self._read = documents
        self._documents: list[Document] | None = None
        self._fields: dict[tuple[str, str], Any] = {}

    def taken(self, decide: Decide) -> Decide:
        """Returns what tells how conflicts were decided, but for values that do not fit.

        These may have been stored before anybody looked at them; their conflicts are open.
        """

        def checked(conflict: Conflict) -> Resolution | None:
            found = decide(conflict)
            if found is None or found.take is not Take.VALUE:
                return found
            try:
                self.check(conflict, found.value)
            except InvalidRequestError:
                return None
            return found

        return checked

    def check(self, conflict: Conflict, value: Any) -> None:
        """Refuses a value that cannot be what a conflict is about.

        Args:
            conflict: the conflict
            value: what is given for it

        Raises:
            InvalidRequestError: if FiftyOne could not load it, or it is something else
        """
        try:
            self._check(conflict, value)
        # FiftyOne's fields raise whatever what they look at raises
        except Exception as error:
            raise InvalidRequestError(
                f"{value!r:.80} is no value for {conflict.path or 'this'} ({conflict.kind}): "
                f"{error}"
            ) from error

    def _check(self, conflict: Conflict, value: Any) -> None:
        if conflict.kind is ConflictKind.LABEL_CLASS:
            _check_class(value)
        elif conflict.kind is ConflictKind.LABEL_GEOMETRY:
            _check_place(conflict, value)
        elif conflict.sample_id is None:
            self._check_property(conflict.path, value)
        else:
            self._check_value(conflict, value)

    def _check_value(self, conflict: Conflict, value: Any) -> None:
        is_frame = conflict.frame_number is not None
        path = conflict.path.removeprefix(FRAMES_PREFIX) if is_frame else conflict.path
        name, *keys = _parsed(path)
        field = self._declared("frame_fields" if is_frame else "sample_fields", name)
        if field is None:
            raise ValueError("there is no such field")
        if any(name == document.get("group_field") for document in self._all):
            raise ValueError("a sample is where one of the sides has put it")
        if name == "filepath" and not value:
            raise ValueError("every sample has a file")
        for key in keys:
            field = _inside(field, key)
        if isinstance(conflict.ours or conflict.theirs, list):
            # The path of a list of labels is that of its field
            field = _list_of(field) or field
        if conflict.kind is ConflictKind.LABEL_DELETED_MODIFIED:
            # As is the path of a label in one
            field = getattr(_list_of(field), "field", None) or field
        _validate(field, value)

    def _check_property(self, path: str, value: Any) -> None:
        name, *keys = _parsed(path)
        field = foo.DatasetDocument._fields.get(name)
        if field is None or (keys and isinstance(field, fof.StringField)) or name == "tags":
            _check_declaration(keys, value)
            return
        if name == "default_group_slice" and not any(
            value in (document.get("group_media_types") or ()) for document in self._all
        ):
            raise ValueError("there is no such slice")
        for key in keys:
            if isinstance(field, fof.MaskTargetsField):
                value = None if value is None else {key: value}
            else:
                field = _inside(field, key)
        _validate(field, value)

    @property
    def _all(self) -> list[Document]:
        if self._documents is None:
            self._documents = list(self._read())
        return self._documents

    def _declared(self, part: str, name: str) -> Any:
        if (part, name) not in self._fields:
            declared = (
                each
                for document in self._all
                for each in document.get(part) or ()
                if name in (each["name"], db_key(each))
            )
            found = next(declared, None)
            self._fields[part, name] = (
                found and foo.SampleFieldDocument._from_son(found).to_field()
            )
        return self._fields[part, name]


def _check_class(value: Any) -> None:
    if value is not None:
        _check_attributes(fol.Classification, value, CLASS)


def _check_place(conflict: Conflict, value: Any) -> None:
    sides = (conflict.ours, conflict.theirs, conflict.base)
    known = {side["_cls"] for side in sides if isinstance(side, Mapping) and "_cls" in side}
    if not isinstance(value, Mapping) or not set(value) - {"_cls"}:
        raise ValueError(f"it must be a dict with some of {', '.join(sorted(PLACE))}")
    kinds = {value["_cls"]} if "_cls" in value else known
    if len(kinds) != 1 or (known and not kinds <= known):
        raise ValueError(f"_cls must be one of {', '.join(map(str, sorted(known)))}")
    _check_attributes(_label_class(*kinds), value, PLACE)


def _check_attributes(kind: Any, value: Any, allowed: Iterable[str]) -> None:
    names = sorted(name for name in allowed if name in kind._fields)
    if not isinstance(value, Mapping):
        raise TypeError(f"it must be a dict with some of {', '.join(names)}")
    for name, item in value.items():
        if name == "_cls":
            continue
        if name not in names:
            raise ValueError(f"it may have {', '.join(names)}, and not {name!r}")
        _validate_attribute(name, kind._fields[name], item)


def _check_declaration(keys: list[str], value: Any) -> None:
    """Checks the description, the info or the like of a field."""
    kinds = {"description": str, "info": dict, "read_only": bool}
    kind = kinds.get(keys[-1]) if keys else None
    if "info" in keys[:-1] or kind is None or value is None or isinstance(value, kind):
        return
    raise TypeError(f"{keys[-1]} must be a {kind.__name__}")


def _validate(field: Any, value: Any) -> None:
    """Validates a value as it is stored."""
    if field is None or value is None:
        return
    if isinstance(field, _NUMBERS) and isinstance(value, str):
        raise TypeError("it must be a number, and not a text")
    if isinstance(field, fof.ObjectIdField) and not isinstance(value, ObjectId):
        raise TypeError("it must be an ObjectId")
    if isinstance(field, fof.EmbeddedDocumentField):
        _validate_document(field, value)
    elif type(field) is fof.ListField and field.field is not None and isinstance(value, list):
        for item in value:
            _validate(field.field, item)
    elif type(field) is fof.DictField and field.field is not None and isinstance(value, dict):
        for item in value.values():
            _validate(field.field, item)
    elif isinstance(field, _OTHERWISE_STORED):
        field.validate(field.to_python(value))
    else:
        field.validate(value)


def _validate_document(field: Any, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"it must be a dict, as {field.document_type.__name__} is stored")
    kind, fields = field.document_type, field._fields
    if (name := value.get("_cls")) is not None:
        found = kind if name == kind.__name__ else _subclass(kind, name)
        fields = {**found._fields, **{each.name: each for each in field.fields}}
        kind = found
    elif issubclass(kind, fol.Label):
        raise ValueError("a label says by _cls what it is")
    if issubclass(kind, fol._HasID) and not isinstance(value.get("_id"), ObjectId):
        raise TypeError("a label has an ObjectId as its _id")
    for key, item in value.items():
        _validate_attribute(key, _of(fields, key), item)


def _validate_attribute(name: str, field: Any, value: Any) -> None:
    _validate(field, value)
    if name == "bounding_box" and value is not None and len(value) not in (0, 4):
        raise ValueError("a bounding box has four numbers")


def _label_class(name: str) -> Any:
    return _subclass(fol.Label, name)


def _subclass(kind: Any, name: str) -> Any:
    waiting = [kind]
    while waiting:
        each = waiting.pop()
        if each.__name__ == name:
            return each
        waiting += each.__subclasses__()
    raise ValueError(f"{name!r:.40} is no {kind.__name__}")


def _inside(field: Any, key: str) -> Any:
    """Returns the field of something inside another field; None if any value will do."""
    while isinstance(field, fof.ListField):
        field = field.field
    if isinstance(field, fof.DictField):
        return field.field
    if not isinstance(field, fof.EmbeddedDocumentField):
        return None
    found = _of(field._fields, key)
    labels = _list_of(field)
    return found if found is not None or labels is None else _inside(labels, key)


def _list_of(field: Any) -> Any:
    """Returns the field in which a field such as one of ``Detections`` keeps its labels."""
    name = getattr(getattr(field, "document_type", None), "_LABEL_LIST_FIELD", None)
    return None if name is None else field._fields.get(name)


def _of(fields: Mapping[str, Any], key: str) -> Any:
    return next((each for name, each in fields.items() if key in (name, each.db_field)), None)


def _parsed(path: str) -> list[str]:
    """Returns the keys of a path, of which those that have dots are quoted."""
    keys = _KEYS.findall(path)
    return [str(json.loads(key)) if key.startswith('"') else key for key in keys]
