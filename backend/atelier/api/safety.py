"""What keeps other people's web pages from using a local server: Host, Origin and content type checks, and response headers."""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atelier.api.problems import problem

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

PAGE_POLICY = "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# Swagger UI comes from a CDN and starts by an inline script.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; img-src 'self' data: https://fastapi.tiangolo.com; frame-ancestors 'none'"
)


class Safety:
    """Refuses requests that a foreign page could have caused, and tells browsers how to treat the answers.

    A page elsewhere can send requests to localhost (refused by Origin, and by the content type where the browser sends no
    Origin), or make a name of its own resolve to 127.0.0.1 (refused by Host; an address as Host can't be rebound).

    The paths in `forms` take multipart/form-data besides, which any page can send: there Origin alone protects, which every
    browser of these years sends with every POST, and Sec-Fetch-Site, which says the same where somebody strips Origin.
    Those in `files` take a picture's file as it is (image/…), which no page elsewhere can send: browsers ask the server first.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], forms: Collection[str] = (), files: Collection[str] = ()) -> None:
        self.app = app
        self.hosts = {"localhost", *(host.lower() for host in hosts)}
        self.forms, self.files = forms, files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":  # opened by a GET, but any page may open one to anywhere: it counts as unsafe
            refused = self._refusal("WEBSOCKET", scope["path"], headers)
            await (self.app if refused is None else refused)(scope, receive, send)
            return

        path: str = scope["path"]
        is_api = path.startswith(("/api/", "/v1/"))

        too_large = False

        async def send_safely(message: Message) -> None:
            nonlocal too_large
            if too_large:
                return
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                if message["status"] == 413 and answer["content-type"].startswith("text/plain"):  # the framework's, in its own words
                    await problem(413, "Content too large", "The body is larger than this route takes.")(scope, receive, send_safely)
                    too_large = True
                    return
                answer["X-Content-Type-Options"] = "nosniff"
                answer["Referrer-Policy"] = "same-origin"
                answer["Content-Security-Policy"] = DOCS_POLICY if path == "/docs" else PAGE_POLICY
                if not is_api and "Cache-Control" not in answer:  # the build names assets by their content
                    answer["Cache-Control"] = "public, max-age=31536000, immutable" if path.startswith("/assets/") else "no-cache"
            await send(message)

        refusal = self._refusal(scope["method"], path, headers)
        if refusal is not None:
            await refusal(scope, receive, send_safely)
            return
        if is_api:  # a miss here is never answered by the single-page app, whatever the client accepts
            accepted = headers.get("accept", "").replace("text/html", "").replace("application/xhtml+xml", "")
            MutableHeaders(scope=scope)["accept"] = accepted
        await self.app(scope, receive, send_safely)

    def _refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        name = _hostname(f"//{host}")
        if not (name in self.hosts or _is_address(name)):
            return problem(403, "Forbidden", f"This server does not answer to {host!r}; ATELIER_ALLOWED_HOSTS lists further names.")
        if method in SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return problem(403, "Forbidden", f"Requests that change something must come from this server's own page, not from {origin}.")
        if origin is None and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return problem(403, "Forbidden", "Requests that change something must come from this server's own page.")
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        takes_form = method == "POST" and path in self.forms  # whether it takes JSON as well, it says itself
        takes_file = method == "POST" and path in self.files and kind.startswith("image/")
        if has_body and kind != "application/json" and not takes_file and not (takes_form and kind == "multipart/form-data"):
            what = "a form, with Content-Type: multipart/form-data" if takes_form else "JSON, with Content-Type: application/json"
            return problem(415, "Unsupported media type", f"Send {what}.")
        return None


@lru_cache(maxsize=256)  # a client's are always the same
def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # brackets without an address between them
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
