"""Rules that no item can pass are refused before anything is scored, with what there is."""

from __future__ import annotations

from typing import Any, cast

import pytest

from linkspan import run_lists
from linkspan.errors import ConfigError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.identities import all_keys
from linkspan.settings import PublishSettings


@pytest.mark.parametrize(
    ("require", "exclude", "value", "told"),
    [
        ("in_stock = true", None, "true", "in_stock = 'true', or give it a 'type'"),
        ("in_stock != true", None, "true", "no item has such a in_stock"),
        ("year >= 2000", None, ["1990"], "year is '1990'"),
        ("year = '1990'", None, 1990, "compares with text"),
        (None, "year < 2000", 1990, "leave no item: not year < 2000. Loosen them: year is 1990"),
        ("year >= 2000", None, 1990, "leave no item: year >= 2000"),
    ],
)
def test_rules_that_leave_nothing_are_told_with_the_values(
    taken: Snapshot,
    monkeypatch: pytest.MonkeyPatch,
    require: str | None,
    exclude: str | None,
    value: Any,
    told: str,
) -> None:
    found = {key: [value] for key in all_keys(taken, "item")["key"]}
    monkeypatch.setattr(run_lists, "read_properties", lambda *_: found)
    rules = PublishSettings(
        require=[require] if require else [], exclude=[exclude] if exclude else []
    )
    with pytest.raises(ConfigError) as error:
        run_lists.build_choice(cast(Database, None), taken, rules)
    assert told in str(error.value)
