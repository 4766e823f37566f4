"""Who may ask: a bearer token from the environment, and none only on this machine."""

from __future__ import annotations

import hmac
import os
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from linkspan.errors import ConfigError

VARIABLE = "LINKSPAN_TOKEN"
_LEAST = 16
_bearer = HTTPBearer(auto_error=False, description=f"The text in the server's {VARIABLE}")


def token_from_environment() -> str | None:
    """The token in ``LINKSPAN_TOKEN``; None where it is not set.

    Raises:
        ConfigError: It is shorter than 16 characters, or cannot stand in a header.
    """
    token = os.environ.get(VARIABLE)
    if token is None:
        return None
    token = token.strip()
    if len(token) < _LEAST or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"{VARIABLE} needs {_LEAST} or more ASCII characters without spaces",
            hint="Make one with 'openssl rand -hex 32'",
        )
    return token


def check_host(host: str, token: str | None) -> None:
    """Refuse to listen to other machines without a token.

    Raises:
        ConfigError: There is no token, and the host is not this machine alone.
    """
    try:
        alone = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        alone = False
    if token is None and not alone:
        raise ConfigError(
            f"without a token the server listens to this machine alone, not on {host}",
            hint=f"Set {VARIABLE} (openssl rand -hex 32), or listen on 127.0.0.1",
        )


def check_token(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    """Let a request pass that has the token, where there is one; as long whatever was given."""
    token: str | None = request.app.state.token
    if token is None:
        return
    offered = given.credentials if given else ""
    if not hmac.compare_digest(offered.encode(), token.encode()):
        raise HTTPException(
            401, "the token is missing or wrong", headers={"WWW-Authenticate": "Bearer"}
        )
