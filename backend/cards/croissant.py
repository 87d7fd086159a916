"""Croissant, the vocabulary of MLCommons for data sets, with provenance in that of W3C PROV.

A version of ours has no address on the web from which its files could be had, so it tells of no
distribution: it says which version it is, where that comes from, and what fields it has.
"""

from __future__ import annotations

import json
from typing import Any

from .card import Card

VERSION = "http://mlcommons.org/croissant/1.1"

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""That of Croissant 1.1, with PROV."""


def text(card: Card) -> str:
    """Returns a card as JSON-LD, in ASCII.

    Args:
        card: what there is to tell
    """
    return json.dumps(document(card), indent=2)


def document(card: Card) -> dict[str, Any]:
    """Returns a card as the JSON-LD document of Croissant 1.1.

    Args:
        card: what there is to tell
    """
    created = card.created_at.isoformat()
    told = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "@id": card.uri,
        "conformsTo": VERSION,
        "name": f"{card.dataset_name}@{card.snapshot_name}",
        "description": card.description,
        "url": card.uri,
        "identifier": {
            "@type": "sc:PropertyValue",
            "propertyID": "content hash",
            "value": card.content,
        },
        "isLiveDataset": False,
        "dateCreated": created,
        "creator": _creator(card, "sc:Person"),
        "keywords": [*card.tags],
        "size": f"{card.sample_count} samples",
        "variableMeasured": [
            {
                "@type": "sc:PropertyValue",
                "name": field.path,
                "measurementTechnique": field.type,
                "description": field.description,
            }
            for field in card.fields
        ],
        "prov:generatedAtTime": {"@type": "xsd:dateTime", "@value": created},
        "prov:wasAttributedTo": _creator(card, "prov:Agent"),
        "prov:wasDerivedFrom": [
            {"@type": "prov:Entity", "@id": parent.uri, "name": parent.name}
            for parent in card.parents
        ],
    }
    return _without_nothing(told)


def _creator(card: Card, kind: str) -> dict[str, str] | None:
    return {"@type": kind, "name": card.created_by} if card.created_by else None


def _without_nothing(value: Any) -> Any:
    """Leaves out what is not known: JSON-LD has no use for null and empty lists."""
    if isinstance(value, dict):
        return {
            key: _without_nothing(item) for key, item in value.items() if item not in (None, [])
        }
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    return value
