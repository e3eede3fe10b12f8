"""Every error as RFC 9457 problem+json: what Atelier raises, what the framework raises, and what nobody foresaw."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from atelier.errors import AtelierError, Invalid

MEDIA_TYPE = "application/problem+json"
# Not http.HTTPStatus' phrases: they differ between versions of Python, and the interface's description must not.
TITLES = {error.status: error.title for error in AtelierError.__subclasses__()} | {405: "Method not allowed"}


class ProblemErrorOut(BaseModel):
    """One value that is wrong."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    pointer: str
    """JSON pointer (RFC 6901) into the body, or into the query where the request has no body."""
    detail: str
    """What would be right."""


class ProblemOut(BaseModel):
    """An error, as in RFC 9457."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str = "about:blank"
    title: str
    """The kind of error."""
    status: int
    """The response's status code."""
    detail: str
    """What happened and what to do, in a sentence."""
    errors: list[ProblemErrorOut] | None = None
    """The wrong values, when the status is 422."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route declares about its errors."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    return {status: {"description": TITLES[status], "content": content} for status in statuses}


class Problem(JSONResponse):
    """An error in the form that the path's clients read: under /v1 OpenAI's, elsewhere problem+json."""

    def __init__(self, body: dict[str, Any], headers: dict[str, str] | None) -> None:
        super().__init__(body, body["status"], headers, MEDIA_TYPE)
        self.body_of, self.given = body, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/v1/"):
            status, body = openai_error(self.body_of)
            await JSONResponse(body, status, self.given)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None, **extras: Any) -> Problem:
    return Problem({"type": "about:blank", "title": title, "status": status, "detail": detail, **extras}, headers)


def problem_from(error: AtelierError) -> Problem:
    return problem(error.status, error.title, error.detail, error.headers, **error.extras)


def openai_error(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A problem as OpenAI's API tells it, and its status there: what is wrong with a request is 400."""
    status = 400 if body["status"] in (413, 415, 422) else body["status"]
    pointer = next((error["pointer"] for error in body.get("errors") or ()), "")
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    code = {404: "not_found", 429: "rate_limit_exceeded", 503: "overloaded"}.get(status)
    return status, {"error": {"message": body["detail"], "type": kind, "param": pointer.strip("/").replace("/", ".") or None, "code": code}}


def problem_of(error: AtelierError) -> dict[str, Any]:
    """The body of a problem, for channels that have no status and no headers: `retry_after` is a member."""
    later = {"retry_after": int(error.headers["Retry-After"])} if "Retry-After" in error.headers else {}
    return {"type": "about:blank", "title": error.title, "status": error.status, "detail": error.detail, **later, **error.extras}


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(AtelierError, _on_atelier_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unforeseen)


# Starlette runs a plain function in a thread; these await nothing but are cheap, hence async.


async def _on_atelier_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AtelierError)
    return problem_from(error)


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [_locate(complaint, error.body) for complaint in error.errors()]
    invalid = Invalid("; ".join(f"{e['pointer'].lstrip('/') or 'the body'}: {e['detail']}" for e in errors), errors)
    return problem_from(invalid)


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = {
        404: f"Nothing is at {request.url.path}.",
        405: f"{request.url.path} does not take {request.method}.",
    }.get(error.status_code, error.detail)
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, TITLES.get(error.status_code, "Error"), detail, headers)


async def _on_unforeseen(request: Request, error: Exception) -> JSONResponse:
    """The server's log has the trace (Starlette raises the error again once this is sent)."""
    return problem(500, "Internal server error", "Something went wrong here, not with your request; the server's log says what.")


def _locate(complaint: dict[str, Any], body: Any) -> dict[str, str]:
    """A complaint of pydantic's with a pointer into what the client sent."""
    detail, context = str(complaint["msg"]).removeprefix("Value error, "), complaint.get("ctx", {})
    if complaint["type"] == "json_invalid":
        return {"pointer": "", "detail": f"this is not JSON: {context['error']} at character {complaint['loc'][-1]}"}
    where, *path = complaint["loc"]
    if where == "body":
        path = _without_tags(path, body)
    match complaint["type"]:
        case "union_tag_invalid":
            path.append(context["discriminator"].strip("'"))
            detail = f"{context['tag']!r} is not one of {context['expected_tags']}"
        case "union_tag_not_found":
            path.append(context["discriminator"].strip("'"))
            detail = "Field required"
        case "extra_forbidden":
            detail = "there is no field of this name"
    return {"pointer": "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path), "detail": detail}


def _without_tags(path: Sequence[str | int], body: Any) -> list[str | int]:
    """The path without the tags of unions, which stand in pydantic's locations but not in the body."""
    kept: list[str | int] = []
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(body, dict) and (part in body or last):  # a field that is missing comes last
            body = body.get(part)
        elif isinstance(body, list) and isinstance(part, int) and part < len(body):
            body = body[part]
        else:
            continue
        kept.append(part)
    return kept
