"""An adopted graph whose relationships say by a text, or by true and false, what was liked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.feedback import FeedbackRules
from linkspan.workspace import Workspace

pytestmark = pytest.mark.usefixtures("trained_once")
VERDICTS = (
    "MATCH (u:Person)-[r:RATED]->() WHERE u.pid <> 'p2' SET r.liked = r.stars > 1, "
    "r.`the verdict` = CASE r.stars WHEN 1 THEN 'bad' ELSE 'good' END"
)
"""Of all but one person."""


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        ("`the verdict` = 'good'", {"the verdict": "good"}),
        ("`the verdict` != 'bad'", {"the verdict": "accept"}),
        ("liked = true", {"liked": True}),
    ],
)
def test_an_adopted_graph_is_read_and_written_by_it(
    linkspan: Any, theirs: Database, condition: str, written: dict[str, Any]
) -> None:
    theirs.write(VERDICTS)
    roles = Path("linkspan.toml").read_text()
    Path("linkspan.toml").write_text(roles.replace("stars >= 3", condition))
    for stage in ("snapshot", "train", "evaluate", "publish"):
        answer = linkspan(stage)
        assert answer.code == 0, (stage, answer.err)
    frame = Workspace(Path(".linkspan")).load_snapshot().interactions["RATED"]
    assert Counter(frame["sign"].tolist()) == {1: 119 * 8, -1: 1, 0: 8}
    best = json.loads(linkspan("recommend", "p1", "--json").out)[0]["item"]
    assert linkspan("feedback", "p1", best).code == 0
    name = next(iter(written))
    (found,) = theirs.read(
        "MATCH ()-[r:RATED]->() WHERE r.from_feedback IS NOT NULL RETURN properties(r) AS p"
    )
    assert {name: found["p"][name]} == written
    (run,) = theirs.read("MATCH (r:Run) RETURN r.feedback AS rules")
    assert FeedbackRules.model_validate_json(run["rules"]).properties == written


@pytest.mark.parametrize("condition", ["stars = 'good'", "stars = true", "on = 'today'"])
def test_values_of_another_kind_are_refused(
    linkspan: Any, theirs: Database, condition: str
) -> None:
    roles = Path("linkspan.toml").read_text()
    Path("linkspan.toml").write_text(roles.replace("stars >= 3", condition))
    answer = linkspan("snapshot")
    assert answer.code == 4
    assert "of a RATED relationship is" in answer.err and "'positive' compares it" in answer.err
