"""Errors that only who set the server up can mend are no failures of the server."""

from __future__ import annotations

import pytest

from linkspan.errors import ArgumentError, ConfigError, LinkspanError, PublishError
from linkspan.serving.problems import handle_errors


@pytest.mark.parametrize(
    ("error", "status"),
    [(ConfigError("no kinds"), 503), (PublishError("no run"), 503), (ArgumentError("k is 0"), 422)],
)
def test_each_error_has_its_status_and_says_why(error: LinkspanError, status: int) -> None:
    fastapi = pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    app = fastapi.FastAPI()
    handle_errors(app)

    @app.get("/")
    def fail() -> None:
        raise error

    answer = TestClient(app).get("/")
    assert answer.status_code == status and str(error) in answer.json()["detail"]
