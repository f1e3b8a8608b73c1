"""`Ref[Kind]`: how a config names a stored thing (pure).

A config holds `dataset: Ref[DatasetVersion]`; its value is a string such as `dataset-12`. The application resolves it
once for all doors (choices in the form, permission, "does not exist", lineage edge) and `ctx.open(config.dataset)`
hands the domain the opened artefact.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

if TYPE_CHECKING:
    from chimera.artefacts import Stored


class Referable(Protocol):
    """A domain value that lives in the artefact store and can be opened from there."""

    ref_kind: ClassVar[str]

    @classmethod
    def open(cls, stored: Stored) -> Self: ...


T = TypeVar("T", bound=Referable)


class Ref(str, Generic[T]):
    """A reference to a stored artefact, `<kind>-<number>`; `kind` and `number` are its parts."""

    @property
    def kind(self) -> str:
        return self.rpartition("-")[0]

    @property
    def number(self) -> int:
        return int(self.rpartition("-")[2])

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        kind = ref_kind_of(source)

        def parse(value: str) -> Ref[Any]:
            if not re.fullmatch(rf"{re.escape(kind)}-[1-9][0-9]{{0,17}}", value):
                raise ValueError(f"must name a {kind}, for example {kind}-1")
            return cls(value)

        return core_schema.no_info_after_validator_function(parse, core_schema.str_schema(strip_whitespace=True))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "format": "chimera-ref"}


def ref_kind_of(annotation: Any) -> str:
    """The kind that a `Ref[X]` annotation points to.

    Raises:
        TypeError: the annotation is a bare `Ref` or its target has no `ref_kind`.
    """
    arguments = get_args(annotation)
    kind = getattr(arguments[0], "ref_kind", None) if arguments else None
    if not isinstance(kind, str):
        raise TypeError(f"{annotation!r} must be Ref[X] where X has a ref_kind")
    return kind
