"""What a version can be asked for, as JSON Schema: of the shapes that all versions share, what this one takes, within its own bounds."""

from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from atelier.serving.requests import Abilities, Subject, Wishes

OF_WISHES = {*Wishes.model_fields}


def schema_of(shape: type[BaseModel], can: Abilities) -> dict[str, Any]:
    """The JSON Schema of a request's body, without what the version would refuse. Names stand in it where there are some."""
    schema = deepcopy(shape.model_json_schema())
    _narrow(schema, can)
    for name, inner in schema.get("$defs", {}).items():
        if {*Subject.model_fields} <= {*inner.get("properties", {})}:
            schema["$defs"][name] = _narrow(inner, can)
    return schema


def _narrow(schema: dict[str, Any], can: Abilities) -> dict[str, Any]:
    """An object's properties, in place."""
    properties: dict[str, Any] = schema["properties"]
    for name in OF_WISHES & properties.keys() - set(can.takes):
        del properties[name]
    for name, bounds in _bounds(can).items():
        if name in properties:
            kept = {key: properties[name][key] for key in ("title", "description") if key in properties[name]}
            properties[name] = {**kept, **bounds}
    return schema


def _bounds(can: Abilities) -> dict[str, dict[str, Any]]:
    """What takes the place of the general bounds of a property. None of them must be given."""
    amount = {"type": "number", "minimum": -3, "maximum": 3}
    coordinate = {"type": "number", "minimum": -100, "maximum": 100}
    z = {"type": "array", "items": coordinate, "minItems": can.latent_dim, "maxItems": can.latent_dim}
    found = {
        "class_index": {"type": "integer", "minimum": 0, "maximum": len(can.class_names) - 1, "x-names": list(can.class_names)},
        "class_weights": _named(can.class_names, amount),
        "attributes": _named(can.attribute_names, amount),
        "truncation_cutoff": {"type": "integer", "minimum": 0, "maximum": can.num_styles},
        "latent": {"anyOf": [z, {"type": "integer", "minimum": 1, "title": "Number of a projection"}]},
    }
    if can.sliders is not None:
        every = can.sliders.description.directions
        shown = {one.id: {**amount, "title": one.name, "x-hidden": one.hidden} for one in every}
        found["directions"] = {"type": "object", "properties": shown, "additionalProperties": False}
    if can.classifier is not None:
        chance = {"type": "number", "minimum": 0, "maximum": 1}
        found["dial"] = _named([dial.name for dial in can.classifier.description.dials], chance)
    return found


def _named(names: Any, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict.fromkeys(names, value), "additionalProperties": False}
