"""From a trained model to the files that are published: lists by the rules of ``[publish]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkspan import gnn
from linkspan.errors import ConfigError
from linkspan.graph.conditions import Condition, kind_of, parse_condition
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.properties import read_properties
from linkspan.graph.publishing.vectors import ItemVectors, text_hash
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.identities import all_keys, keyed_lists, keyed_similar
from linkspan.opening import open_model
from linkspan.precision import rounded
from linkspan.progress import Progress
from linkspan.settings import PublishSettings
from linkspan.workspace import RULES, RunFolder, written_whole

if TYPE_CHECKING:
    from linkspan.gnn import Choice, FittedModel

USERS = 16_384
"""Users whose lists are in memory at once."""


def build_choice(
    database: Database, snapshot: Snapshot, settings: PublishSettings
) -> tuple[Choice, set[str]]:
    """The rules as they are in force now, and the keys of items that the graph no longer has.

    Raises:
        ConfigError: A rule has another form, names a property that nothing has, or compares it
            with a value of another kind; or the rules together leave no item.
        DataError: A rule compares what cannot be compared.
        DatabaseError: A query failed.
    """
    require = [parse_condition(text) for text in settings.require]
    exclude = [parse_condition(text) for text in settings.exclude]
    match = list(settings.match_user)
    names = snapshot.roles.names
    needed = list(dict.fromkeys([*(rule.property for rule in [*require, *exclude]), *match]))
    found = read_properties(database, "item", needed, names)

    def passes(key: str) -> bool:
        if key not in found:
            return False
        value = dict(zip(needed, found[key], strict=True))
        wanted = all(rule.holds(value[rule.property]) for rule in require)
        return wanted and not any(rule.holds(value[rule.property]) for rule in exclude)

    for rule, written in zip(
        [*require, *exclude], [*settings.require, *settings.exclude], strict=True
    ):
        place = needed.index(rule.property)
        _check_kinds(rule, written, [row[place] for row in found.values()])
    items = all_keys(snapshot, "item")
    gone = set(items["key"]) - found.keys()
    passing = items["key"].map(passes).groupby(items["row"]).all()
    if found and not passing.any():
        rules = [*settings.require, *(f"not {text}" for text in settings.exclude)]
        names_used = dict.fromkeys(rule.property for rule in [*require, *exclude])
        shown = (
            f"{name} is {_shown([row[needed.index(name)] for row in found.values()])}"
            for name in names_used
        )
        raise ConfigError(
            f"the rules of [publish] leave no item: {'; '.join(rules)}",
            hint=f"Loosen them: {'; '.join(shown)}",
        )
    matches = []
    if match:
        of_users = read_properties(database, "user", match, names)
        of_items = {key: [row[needed.index(name)] for name in match] for key, row in found.items()}
        for place in range(len(match)):
            users = [of_users.get(key, [None] * len(match))[place] for key in snapshot.users["key"]]
            own = [of_items.get(key, [None] * len(match))[place] for key in snapshot.items["key"]]
            matches.append(_codes(users, own))
    choice = gnn.Choice(
        allowed=passing.to_numpy(bool),
        matches=matches,
        min_score=settings.min_score,
        diversity=settings.diversity,
        calibration=settings.calibration,
        total=settings.total,
    )
    return choice, gone


def _check_kinds(rule: Condition, written: str, found: list[Any]) -> None:
    """Refuse a rule that compares with a value of a kind that no item has: it could not hold."""
    kinds = {kind_of(value) for value in _single(found)}
    wanted = kind_of(rule.value)
    if kinds and wanted not in kinds:
        hint = f"{rule.property} is {_shown(found)}: compare it with one of these"
        if isinstance(rule.value, bool) and "text" in kinds:
            hint += f", as {rule.property} = '{str(rule.value).lower()}', or give it a 'type'"
        raise ConfigError(
            f"[publish] '{written}' compares with {wanted}, and no item has such a {rule.property}",
            hint=hint,
        )


def _single(found: list[Any]) -> list[Any]:
    """The values that are there; those of a list one by one."""
    values = (value for row in found for value in (row if isinstance(row, list) else [row]))
    return [value for value in values if value is not None]


def _shown(found: list[Any]) -> str:
    """Some of the values of a property, the most frequent first."""
    common = pd.Series([repr(value) for value in _single(found)]).value_counts()
    more = f" and {len(common) - 5:,} others" if len(common) > 5 else ""
    return ", ".join(common.index[:5]) + more


def digest(choice: Choice, gone: set[str], settings: PublishSettings) -> str:
    """Tells whether lists that were made are still those that would be made."""
    told = sha256(settings.model_dump_json(exclude={"vectors", "keep"}).encode())
    told.update(repr(sorted(gone)).encode())
    arrays = [choice.allowed, *(codes for pair in choice.matches for codes in pair)]
    for array in arrays:
        told.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return told.hexdigest()[:16]


def write_lists(
    snapshot: Snapshot,
    run: RunFolder,
    settings: PublishSettings,
    choice: Choice,
    gone: set[str],
    told: str,
    progress: Progress,
) -> tuple[int, int]:
    """Score, and write the files of a run, each whole or not at all.

    Args:
        snapshot: The graph that the run was trained on.
        run: Gets the files.
        settings: What is published.
        choice: The rules.
        gone: Keys of items that the graph no longer has.
        told: Their `digest`, kept in the files.
        progress: Told of the work.

    Returns:
        Number of recommendations and of similar items.

    Raises:
        ConfigError: ``[publish]`` names an unknown domain or user.
        ModelError: The model cannot be read.
    """
    rows = find_users(snapshot, settings)
    model = open_model(run, snapshot)
    written = write_recommended(model, run, settings, choice, rows, progress, told)
    similar = keyed_similar(snapshot, similar_items(model, settings, progress))
    similar = _without(similar, gone)
    table = _with_text(pa.Table.from_pandas(similar, preserve_index=False), ("how", "by"))
    with written_whole(run.similar) as part:
        pq.write_table(_stamped(table, told), part)
    if settings.vectors:
        with written_whole(run.vectors) as part:
            keyed_vectors(snapshot, model, run).save(part)
    return written, len(similar)


def similar_items(
    model: FittedModel, settings: PublishSettings, progress: Progress
) -> pd.DataFrame:
    """Similar items of each kind that is published.

    Returns:
        Columns of `linkspan.gnn.similar_items`, ``kind``, and ``how`` and ``by`` (null but for
        relations), sorted by item, kind as in the settings, list and rank.
    """
    frames = []
    for kind in dict.fromkeys(settings.similar_kinds):
        if kind == "relations":
            found = gnn.related_items(model.snapshot, settings.similar, progress)
        else:
            found = gnn.similar_items(model, settings.similar, progress)
            found = found.assign(how=None, by=None)
        frames.append(found.assign(kind=kind))
    return pd.concat(frames).sort_values("item", kind="stable", ignore_index=True)


def write_recommended(
    model: FittedModel,
    run: RunFolder,
    settings: PublishSettings,
    choice: Choice,
    rows: NDArray[np.int64],
    progress: Progress,
    told: str = "",
) -> int:
    """Write the lists of some users, of `USERS` users at a time; returns how many rows.

    Args:
        model: Scores them.
        run: Gets the file.
        settings: Number and domains.
        choice: The rules.
        rows: Of the users in the snapshot of the model.
        progress: Told of each piece.
        told: `digest` of the rules, kept in the file.
    """
    written = 0
    with written_whole(run.lists) as part, ExitStack() as stack:
        writer = None
        for start in range(0, max(len(rows), 1), USERS):
            some = gnn.score_top(
                model, settings.k, settings.domains, rows[start : start + USERS], progress, choice
            )
            table = pa.Table.from_pandas(
                keyed_lists(model.snapshot, some),
                schema=writer and writer.schema,
                preserve_index=False,
            )
            if writer is None:
                texts = ("user", "item", "domain", "because")
                table = _stamped(_with_text(table, texts), told)
                writer = stack.enter_context(pq.ParquetWriter(part, table.schema))
            writer.write_table(table)
            written += table.num_rows
    return written


def keyed_vectors(snapshot: Snapshot, model: FittedModel, run: RunFolder) -> ItemVectors:
    """The vectors of all items under the keys that they have in the graph.

    They are named after the encoder as it was when the run was trained, and rounded to its
    precision; the hash of a text tells vectors of another precision apart.
    """
    encoder = (run.encoders or gnn.encoder_names(model.settings.encoding))["text"]
    keys, texts = all_keys(snapshot, "item"), snapshot.items["text"].to_numpy(object)
    rows = keys["row"].to_numpy()
    vectors = model.text.get("item", np.zeros((len(texts), 1), np.float32))
    precision = model.settings.model.precision
    made_by = encoder if precision == "single" else f"{encoder}\x00{precision}"
    return ItemVectors(
        encoder=encoder,
        keys=keys["key"].tolist(),
        states=rounded(model.item_states[rows], precision),
        texts=rounded(vectors[rows], precision),
        hashes=[text_hash(made_by, text) for text in texts[rows]],
        precision=precision,
    )


def _with_text(table: pa.Table, columns: Iterable[str]) -> pa.Table:
    """The table with text in these columns, also where no value, or no row, is there to tell."""
    for name in columns:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table.column(place).cast(pa.string()))
    return table


def _stamped(table: pa.Table, told: str) -> pa.Table:
    """The table, and in its file by which rules it was made."""
    return table.replace_schema_metadata({**(table.schema.metadata or {}), RULES: told})


def _without(similar: pd.DataFrame, gone: set[str]) -> pd.DataFrame:
    """Lists of similar items without those that have gone, ranked anew."""
    if not gone:
        return similar
    left = similar[~similar["item"].isin(gone) & ~similar["other"].isin(gone)]
    ranks = left.groupby(["item", "kind", "inside"]).cumcount() + 1
    return left.assign(rank=ranks.astype(similar["rank"].dtype)).reset_index(drop=True)


def _codes(users: list[Any], items: list[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Equal values as equal codes; a user without one has -1, an item without one -2."""
    codes = {value: code for code, value in enumerate(dict.fromkeys(map(str, items)))}
    of_users = [-1 if value is None else codes.get(str(value), len(codes)) for value in users]
    of_items = [-2 if value is None else codes[str(value)] for value in items]
    return np.array(of_users, np.int64), np.array(of_items, np.int64)


def find_users(snapshot: Snapshot, settings: PublishSettings) -> NDArray[np.int64]:
    """Rows of the users that get lists.

    Raises:
        ConfigError: ``[publish]`` names an unknown domain or user.
    """
    named = [*(settings.domains or ()), *(settings.k if isinstance(settings.k, Mapping) else ())]
    for domain in named:
        if domain not in snapshot.domains:
            raise ConfigError(
                f"[publish] names the domain '{domain}', which the graph has not",
                hint=f"It has {', '.join(snapshot.domains)}",
            )
    if settings.users is None:
        return np.arange(len(snapshot.users))
    keys = all_keys(snapshot, "user")
    row_of = dict(zip(keys["key"], keys["row"], strict=True))
    unknown = [key for key in settings.users if key not in row_of]
    if unknown:
        raise ConfigError(
            f"[publish] users: the graph has no user '{unknown[0]}'"
            + (f", nor {len(unknown) - 1:,} others" if len(unknown) > 1 else ""),
            hint="Give keys of users as 'linkspan recommend' takes them",
        )
    return np.unique(np.array([row_of[key] for key in settings.users], np.int64))
