"""Who may ask the page: no other site through the browser, and elsewhere only with a token.

A page of another site can send a person's browser here. It cannot read an answer (same origin), but
it could send a form, or have its own name lead to this machine (DNS rebinding) and be of the same
origin. So a request must name this machine: as an address, as ``localhost`` or by a name that it
was told. What a name leads to, others decide; an address is what it is.
"""

from __future__ import annotations

import hmac
import socket
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linkspan.serving.problems import problem

POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",  # charts and graphs bring style elements of their own
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
))  # fmt: skip
"""Content security policy of every answer: no script but the package's own."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
DATA = "/api/"
"""Path below which the answers are."""
_LARGEST = 1_000_000
_OPEN = ("/api/signed-in",)
SIGNED = "signed"
"""Key, in the cookie, of whether its bearer gave the token."""


class Guard:
    """Middleware that refuses what is not for this page, and sets the headers that protect it.

    It stands inside starlette's ``SessionMiddleware``, whose cookie it reads.

    Args:
        app: The application.
        token: What has to be given once; None: any request of this machine may pass.
        names: Names that this machine is known by, beside ``localhost``.
    """

    def __init__(self, app: ASGIApp, token: str | None, names: Iterable[str] = ()) -> None:
        self.app, self.token = app, token
        own = (socket.gethostname(), socket.getfqdn()) if token else ()
        self.names = {"localhost", *(name.lower() for name in (*names, *own))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def protecting(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith(DATA):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        wrong = next(self._complaints(scope), None)
        refused = None if wrong is None else problem(*wrong)
        await (refused or self.app)(scope, receive, protecting)

    def _complaints(self, scope: Scope) -> Iterator[tuple[int, str]]:
        """Status and reason of what is wrong with a request, the gravest first."""
        headers, path = Headers(scope=scope), scope["path"]
        host = headers.get("host", "")
        if not self._is_own(host):
            yield 421, f"this page is not at {host!r}; start it with --name for that name"
        if not path.startswith(DATA):
            return
        origin = headers.get("origin")
        # With TLS in front of it the page is at https, and what comes here at http.
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            yield 403, f"a page at {origin} may not ask this one"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            yield 403, "a page elsewhere may not ask this one"
        if "transfer-encoding" in headers:
            yield 411, "say how long the question is"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _LARGEST:
            yield 413, f"a question has {_LARGEST:,} bytes at most"
        if path not in _OPEN and not self._is_signed(scope, headers):
            yield 401, "give the token first"

    def _is_own(self, host: str) -> bool:
        """Tell whether a Host names this machine in a way that no other site can make it."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        try:
            own = ip_address(name)
        except ValueError:
            return name in self.names
        return self.token is not None or own.is_loopback

    def _is_signed(self, scope: Scope, headers: Headers) -> bool:
        if self.token is None or scope.get("session", {}).get(SIGNED):
            return True
        return fits(headers.get("authorization", "").removeprefix("Bearer "), self.token)


def fits(given: str, token: str) -> bool:
    """Tell whether a text is the token; as long whatever was given."""
    return hmac.compare_digest(given.encode(), token.encode())


class SignIn(BaseModel):
    """The token, as a person typed it."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=1000)


def sign_in_routes(token: str | None) -> APIRouter:
    """The calls that need no cookie: whether one is needed, and getting it."""
    routes = APIRouter()

    @routes.get(_OPEN[0])
    async def signed_in(request: Request) -> dict[str, bool]:
        """Tell whether this browser may ask."""
        return {"signed_in": token is None or bool(request.session.get(SIGNED))}

    @routes.post(_OPEN[0])
    async def sign_in(request: Request, given: SignIn) -> dict[str, bool]:
        """Set the cookie for the right token."""
        if token is not None and not fits(given.token.strip(), token):
            raise HTTPException(401, "that is not the token")
        request.session[SIGNED] = True
        return {"signed_in": True}

    return routes
