"""Figures of a run as its folder holds them: read without its model, and without torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from linkspan.errors import ModelError
from linkspan.figures import gains_of
from linkspan.gnn.settings import TrainSettings
from linkspan.workspace import RunFolder

Row = dict[str, Any]

_GAIN = ("gain", "low", "high")
_OVERALL = ("method", "hr", "ndcg", "coverage", "popularity_lift")
_DOMAINS = ("domain", "method", "rows", "hr", "ndcg")


def run_figures(run: RunFolder) -> Row:
    """Read all that was measured of a run; as JSON takes it, shares from 0 to 1.

    A part whose file is missing or damaged is None.

    Returns:
        ``id``; ``created``, ``version``, ``base`` (id of the run that it refreshed), ``doubted``
        (rows of `linkspan.gnn.training.guarding.guard_domains`) and ``settings`` (those that differ
        from the defaults: ``part``, ``name``, ``value``, ``default``); ``protocol``, ``k``,
        ``method`` (that is published), ``curves`` (a row an epoch) and ``best_epoch``;
        ``overall`` (a row a method: ``method``, ``hr``, ``ndcg``, ``coverage``,
        ``popularity_lift``, and the ``gain`` of the published method over it with its 95% interval
        ``low``, ``high``, None for itself), ``domains`` (``domain``, ``method``, ``rows``, ``hr``,
        ``ndcg`` and the gain likewise), ``segments`` (``segment``, ``method``, ``rows``, ``hr``,
        ``ndcg``); and ``transfer``, the report of
        `linkspan.transfer_report.report_transfer`.
    """
    about, measured, transfer = (_read(run, name) for name in ("run", "evaluation", "transfer"))
    found: Row = {"id": run.id}
    for name in ("created", "version", "base", "doubted"):
        found[name] = about.get(name)
    found["settings"] = _part(lambda: _changed(about["settings"]))
    for name in ("protocol", "k", "method", "curves", "best_epoch"):
        found[name] = measured.get(name)
    found["overall"] = _part(lambda: _gained(measured, "all", _OVERALL))
    found["domains"] = _part(lambda: _gained(measured, "domain", _DOMAINS))
    found["segments"] = _part(lambda: _segments(measured))
    found["transfer"] = transfer or None
    return found


def _read(run: RunFolder, name: str) -> Row:
    """A JSON file of the run, without numbers that JSON does not know; empty where unreadable."""
    try:
        return dict(json.loads(json.dumps(run.read(name)), parse_constant=lambda _: None))
    except (ModelError, TypeError):  # TypeError: it holds no object
        return {}


def _part(make: Callable[[], list[Row]]) -> list[Row] | None:
    """A part of the figures; None where what it is made of is not there, or of another form."""
    try:
        return make()
    except (AttributeError, KeyError, TypeError):
        return None


def _changed(settings: Row) -> list[Row]:
    """Settings that differ from the defaults."""
    defaults = TrainSettings().model_dump(mode="json")
    return [
        {"part": part, "name": name, "value": value, "default": defaults.get(part, {}).get(name)}
        for part, own in settings.items()
        for name, value in own.items()
        if name not in defaults.get(part, {}) or value != defaults[part][name]
    ]


def _gained(measured: Row, segment: str, names: Iterable[str]) -> list[Row]:
    """Rows of a segment, with what the published method gains over each."""
    rows = []
    for row in measured["table"]:
        if row["segment"] == segment:
            gain = gains_of(measured, row["domain"]).get(row["method"], {})
            figures = {name: row.get(name) for name in names}
            rows.append(figures | {name: gain.get(name) for name in _GAIN})
    return rows


def _segments(measured: Row) -> list[Row]:
    """Rows of the segments that are neither all rows nor a domain."""
    return [
        {name: row.get(name) for name in ("segment", "method", "rows", "hr", "ndcg")}
        for row in measured["table"]
        if row["segment"] not in ("all", "domain")
    ]
