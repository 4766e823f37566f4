"""``docker-compose.yml`` keeps the promises made about it, as far as can be seen without Docker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from servers.neo4j_jars import NEO4J


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    text = (Path(__file__).parent.parent / "docker-compose.yml").read_text("utf-8")
    service: dict[str, Any] = yaml.safe_load(text)["services"]["neo4j"]
    return service


def test_image_is_of_the_version_that_tests_run_on(service: dict[str, Any]) -> None:
    assert service["image"] == f"neo4j:{NEO4J.rpartition('.')[0]}-community"


def test_ports_are_open_to_this_machine_only(service: dict[str, Any]) -> None:
    assert sorted(service["ports"]) == ["127.0.0.1:7474:7474", "127.0.0.1:7687:7687"]


def test_password_comes_from_the_environment_and_must_be_set(service: dict[str, Any]) -> None:
    assert service["environment"]["NEO4J_AUTH"].startswith("neo4j/${NEO4J_PASSWORD:?")


def test_environment_holds_nothing_that_the_server_would_take_for_a_setting(
    service: dict[str, Any],
) -> None:
    # The image turns other NEO4J_ variables into settings, and refuses unknown ones.
    known = ("NEO4J_AUTH", "NEO4J_server_", "NEO4J_dbms_")
    assert all(name.startswith(known) for name in service["environment"])


def test_health_check_asks_the_database(service: dict[str, Any]) -> None:
    kind, command = service["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    assert "cypher-shell" in command
    # One $ belongs to Compose; the shell in the container must see the other.
    assert "$${NEO4J_AUTH#neo4j/}" in command


def test_data_outlives_the_container(service: dict[str, Any]) -> None:
    assert "data:/data" in service["volumes"]
