"""What can go wrong for a user, as exceptions that carry an HTTP status; the web layer turns them into problem+json.

AtelierError            500
├── BadRequest          400   malformed beyond validation (a cursor that is none, a header that contradicts itself)
├── Forbidden           403
├── NotFound            404   no such job, model, version, architecture …
├── Conflict            409   an impossible transition, a name that is taken
├── TooLarge            413   more bytes or pixels than the limit
├── Unsupported         415   content of a type that is not read
├── Invalid             422   values that are wrong; `errors` lists [{pointer, detail}]
├── TooMany             429   a queue is full; Retry-After
├── Overloaded          503   try again later; Retry-After
└── DiskFull            507   there is no room for what was sent
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import ValidationError


class AtelierError(Exception):
    """`detail` is a sentence for the user; `extras` become members of the problem, `headers` of the response."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal server error"

    def __init__(self, detail: str, *, headers: dict[str, str] | None = None, **extras: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = headers or {}
        self.extras = extras


class BadRequest(AtelierError):
    status = 400
    title = "Bad request"


class Forbidden(AtelierError):
    status = 403
    title = "Forbidden"


class NotFound(AtelierError):
    status = 404
    title = "Not found"


class Conflict(AtelierError):
    status = 409
    title = "Conflict"


class TooLarge(AtelierError):
    status = 413
    title = "Content too large"


class Unsupported(AtelierError):
    status = 415
    title = "Unsupported media type"


class Invalid(AtelierError):
    """`errors` are [{"pointer": "/hyperparameters/steps", "detail": …}], pointers as in RFC 6901."""

    status = 422
    title = "Validation failed"

    def __init__(self, detail: str, errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(detail, errors=list(errors))
        self.errors = list(errors)

    @classmethod
    def at(cls, pointer: str, detail: str) -> "Invalid":
        return cls(detail, [{"pointer": pointer, "detail": detail}])

    @classmethod
    def of(cls, error: ValidationError, prefix: str = "") -> "Invalid":
        """The same complaints as pydantic's, with pointers below the prefix."""
        errors = [
            {"pointer": prefix + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in e["loc"]), "detail": e["msg"]}
            for e in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        return cls("; ".join(f"{e['pointer'].lstrip('/') or 'value'}: {e['detail']}" for e in errors), errors)


class TooMany(AtelierError):
    status = 429
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class Overloaded(AtelierError):
    status = 503
    title = "Service unavailable"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class DiskFull(AtelierError):
    status = 507
    title = "Insufficient storage"
