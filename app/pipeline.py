"""The stages from files to published recommendations; each is a command, and `run` is all of them.

Every stage reads what the one before left in the graph or in the workspace, so each can be run by
itself. Only those from `Pipeline.embed` to `Pipeline.score` need torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linkspan import gnn
from linkspan.errors import PublishError
from linkspan.evaluating import evaluation_note, guard, guard_notes
from linkspan.figures import records
from linkspan.graph.adopting.checking import check_adopted
from linkspan.graph.asking.wording import counted
from linkspan.graph.connecting.connection import Database
from linkspan.graph.publishing.publish import RunRecord, publish
from linkspan.graph.publishing.vectors import ItemVectors
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.identities import all_keys
from linkspan.graph.snapshot.outline import outline
from linkspan.graph.snapshot.reading import read_snapshot
from linkspan.graph.users.feedback import FeedbackRules, build_rules
from linkspan.ingest import IngestReport, Pruning, find_gone, ingest, prune
from linkspan.ingest.check import open_sources
from linkspan.ingest.load import pseudonyms_of
from linkspan.opening import open_model, shared_out
from linkspan.pairs import PairsFile, write_scores
from linkspan.precision import rounded
from linkspan.run_lists import build_choice, digest, write_lists
from linkspan.stages import MODELS, Stages
from linkspan.training import complete, train_run
from linkspan.workspace import RunFolder

if TYPE_CHECKING:
    from linkspan.gnn import Evaluation, TrainSettings, Tuned


class Pipeline(Stages):
    """The stages over one mapping, one graph and one workspace."""

    @contextmanager
    def open_database(self, *, create: bool = False) -> Iterator[Database]:
        """Connect, or start the embedded server, as a stage of its own."""
        if create:  # before a database is made for it
            if self.settings.adopts:
                self.settings.check()
            else:
                mapping = self.settings.mapping()
                open_sources(mapping, pseudonyms_of(mapping))
        with self.stage("server") as stage:
            database = self.settings.open_database(create=create and not self.settings.adopts)
            can = database.capabilities
            where = self.settings.database.uri
            stage.text = f"{can.engine} {can.version}, {where}"
        with database:
            yield database

    def ingest(
        self,
        database: Database,
        *,
        dry_run: bool = False,
        force: bool = False,
        bulk: bool = False,
    ) -> IngestReport:
        """Load the mapping's files into the graph; rejected rows go to ``.linkspan/rejects``."""
        with self.stage("ingest") as stage:
            report = ingest(
                database,
                self.settings.mapping(),
                dry_run=dry_run,
                force=force,
                bulk=self.settings.bulk if bulk else None,
                rejects=self.workspace.folder / "rejects",
                progress=self.progress,
            )
            stage.count, stage.unit = report.read, "rows"
            counts = (report.written, report.unchanged, report.rejected)
            written = "to write" if dry_run else "in files" if report.next_step else "written"
            stage.text = ", ".join(
                f"{count:,} {what}"
                for count, what in zip(counts, (written, "unchanged", "rejected"), strict=True)
                if count or what == written
            )
        return report

    def find_gone(self, database: Database) -> Pruning:
        """Compare the graph with the mapping's files."""
        with self.stage("compare") as stage:
            found = find_gone(database, self.settings.mapping(), self.progress)
            stage.text = f"{sum(len(each.rows) for each in found.gone):,} gone from the files"
        return found

    def prune(self, database: Database, pruning: Pruning) -> None:
        """Remove what has gone from the files."""
        with self.stage("prune") as stage:
            prune(database, pruning, self.progress)
            stage.count, stage.unit = sum(len(each.rows) for each in pruning.gone), "rows"
            stage.text = f"{stage.count:,} removed"

    def snapshot(self, database: Database) -> Snapshot:
        """Read the graph once into arrays."""
        with self.stage("snapshot") as stage:
            roles = self.settings.roles()
            if roles.names is not None:
                roles = check_adopted(database, roles)
            snapshot = read_snapshot(database, roles, self.progress)
            self.workspace.save_snapshot(snapshot)
            events = sum(len(frame) for frame in snapshot.interactions.values())
            relations = sum(len(frame) for frame in snapshot.relations.values())
            entities = sum(len(frame) for frame in snapshot.entities.values())
            nodes = len(snapshot.users) + len(snapshot.items) + entities
            stage.count, stage.unit = nodes + events + relations, "rows"
            stage.text = f"{nodes:,} nodes, {events + relations:,} relationships"
            stage.figures = snapshot.counts()
        return snapshot

    def embed(self, snapshot: Snapshot, settings: TrainSettings | None = None) -> dict[str, Any]:
        """Turn texts and images into vectors of the precision; known ones come from the cache.

        Args:
            snapshot: The graph.
            settings: Those of a run whose parameters will meet the vectors; None: today's.
        """
        with self.stage("embed") as stage:
            wanted = settings or self.settings.train
            encoding, precision = wanted.encoding, wanted.model.precision
            images = any(role.kind == "image" for role in snapshot.roles.features)
            base = self.settings.mapping().base if images else Path()
            found = gnn.embed_snapshot(snapshot, encoding, base, self.workspace.text, self.progress)
            texts = [part for name, part in found.vectors.items() if "/" not in name]
            stage.count, stage.unit = sum(map(len, texts)), "texts"
            stage.text = f"{stage.count:,} texts by {encoding.encoder}"
            if snapshot.features:
                scheme = gnn.find_scheme(snapshot, found.vectors)
                stage.text += f"; features: {scheme.note()}"
                stage.figures = {"features": scheme.note(), "images unread": found.unread}
        return {name: rounded(matrix, precision) for name, matrix in found.vectors.items()}

    def train(self, snapshot: Snapshot, text: dict[str, Any], *, refit: bool = True) -> RunFolder:
        """Fit a run's models, as `linkspan.training.train_run` does."""
        return train_run(self, snapshot, text, refit=refit)

    def tune(self, snapshot: Snapshot, text: dict[str, Any], trials: int) -> Tuned:
        """Search settings on validation rows; what was tried is kept in ``tune.db``."""
        with self.stage("tune") as stage:
            found = gnn.tune(
                snapshot,
                self.split(snapshot),
                text,
                self.settings.train,
                self.workspace.folder / "tune.db",
                trials,
                self.progress,
            )
            stage.count, stage.unit = found.trials + found.given_up, "trials"
            stage.text = f"{stage.count} trials, {found.given_up} of them given up early"
        return found

    def evaluate(
        self, snapshot: Snapshot, run: RunFolder, baselines: Sequence[str] = ("popularity",)
    ) -> Evaluation | None:
        """Rank the test rows among all items of their domain, beside baselines.

        The figures are kept in ``evaluation.json``, the ranks in ``ranks.parquet``.

        Returns:
            The ranks; None where nothing is held out for test, or no row has a choice of items.
        """
        with self.stage("evaluate") as stage:
            split = gnn.Split.load(run.split)
            model = open_model(run, snapshot, run.held_out)
            doubted = run.read("run").get("doubted", [])
            about = {
                "protocol": split.protocol,
                "k": gnn.LIST,
                "method": gnn.method(model),
                "doubted": doubted,
            }
            try:
                evaluation = gnn.evaluate(model, split, baselines, self.progress)
            except gnn.UnmeasuredError as error:
                guarded, note = guard(model, split, self.progress)
                run.write("evaluation", {**about, "table": [], "gains": [], "guard": guarded})
                stage.text = f"not measured: {error.message}; {note}"
                return None
            evaluation.ranks.to_parquet(run.ranks, index=False)
            figures = {
                **about,
                "table": records(evaluation.table()),
                "gains": records(evaluation.gains()),
                "curves": [epoch._asdict() for epoch in model.curves],
                "best_epoch": model.best_epoch,
            }
            run.write("evaluation", figures)
            stage.count, stage.unit = len(evaluation.ranks), "rows"
            stage.text = evaluation_note(evaluation, split.protocol)
            stage.notes = guard_notes(doubted)
        return evaluation

    def score(self, database: Database, snapshot: Snapshot, run: RunFolder) -> None:
        """Make the lists to publish by the rules of ``[publish]``, and keep them with the run.

        Lists that were made before are kept where the rules would give the same ones.
        """
        wanted = self.settings.publish
        choice, gone = build_choice(database, snapshot, wanted)
        told = digest(choice, gone, wanted)
        if run.is_scored(told, vectors=wanted.vectors):
            return
        with shared_out(self.settings):
            complete(self, run)
            with self.stage("score") as stage:
                lists, similar = write_lists(
                    snapshot, run, wanted, choice, gone, told, self.progress
                )
                stage.count, stage.unit = lists, "rows"
                stage.text = f"{lists:,} recommendations, {similar:,} similar items"

    def score_pairs(
        self, snapshot: Snapshot, run: RunFolder, pairs: Path, scores: Path
    ) -> dict[str, int]:
        """Score the pairs of a file with the model that a run publishes, seen pairs too.

        Args:
            snapshot: The graph that the run was trained on.
            run: The run.
            pairs: As `linkspan.pairs.PairsFile` reads it.
            scores: CSV or Parquet file to write: all columns of the pairs, and ``score`` (float32),
                empty for an item that the graph does not have. A user whom it does not have is
                scored as one without a history.

        Returns:
            How many ``pairs`` there are, and how many ``unknown users`` and ``unknown items`` they
            name.
        """
        complete(self, run)
        with self.stage("score") as stage:
            model = open_model(run, snapshot)
            file = PairsFile(pairs, snapshot, self.settings.pseudonyms(), extra=None)
            counts = write_scores(file, scores, model, self.progress)
            stage.count, stage.unit, stage.figures = counts["pairs"], "pairs", counts
            stage.text = ", ".join(
                counted(count, what.removesuffix("s")) for what, count in counts.items() if count
            )
        return counts

    def publish(self, database: Database, snapshot: Snapshot, run: RunFolder) -> None:
        """Write a run's lists into the graph and switch every reader to them.

        Raises:
            ModelError: The run was not measured.
            PublishError: The lists were refused, or the model ranks below popularity.
        """
        about, measured = run.read("run"), run.measured()
        table = measured["table"]
        published = table[0]["method"] if table else measured["method"]
        guard = measured.get("guard") or {
            row["method"]: row["ndcg"] for row in table if row["segment"] == "macro"
        }
        if guard and guard[published] < guard["popularity"]:
            raise PublishError(
                f"run {run.id} ranks below popularity (NDCG@10 {guard[published]:.4f}, "
                f"{guard['popularity']:.4f})",
                hint="Train with other settings; nothing was published",
            )
        whole = (row for row in table if row["segment"] == "all" and row["method"] == published)
        self.score(database, snapshot, run)
        privacy = run.read("run").get("privacy")  # of the model that was scored
        vectors = ItemVectors.load(run.vectors) if self.settings.publish.vectors else None
        record = RunRecord(
            id=run.id,
            model=MODELS["private" if privacy else published],
            created=about["created"],
            fingerprint=about["fingerprint"],
            metrics=next(whole, {}),
            config=about["settings"],
            interactions=sorted(snapshot.interactions),
            names=snapshot.roles.names,
            feedback=self._feedback_rules(snapshot),
            encoder=vectors.encoder if vectors else None,
            outline=outline(snapshot),
            privacy=privacy,
        )
        with self.stage("publish") as stage:
            users = all_keys(snapshot, "user")["key"].tolist()
            report = publish(
                database, record, users, run.lists, run.similar, self.progress, vectors
            )
            stage.count, stage.unit = report.written, "rows"
            stage.text = (
                f"{report.recommendations + report.similar:,} relationships, "
                f"{len(users):,} users switched"
            )
        self.workspace.remove_scores(run, self.settings.publish.keep)

    def _feedback_rules(self, snapshot: Snapshot) -> FeedbackRules:
        """Rules by which feedback is written into the graph of a snapshot."""
        wanted = self.settings.feedback
        return build_rules(
            snapshot.roles,
            wanted.kinds,
            wanted.interaction,
            timed=snapshot.dated,
            shared=self.settings.adopts or self.settings.mapping().users.shared,
        )

    def run(
        self,
        database: Database,
        train: Callable[[Snapshot, dict[str, Any]], RunFolder] | None = None,
    ) -> tuple[RunFolder, Snapshot, Evaluation | None]:
        """All stages, from the files, or an adopted graph, to published lists.

        Args:
            database: The graph.
            train: Fits the models of a run, from the graph and its vectors; by default `train`.
        """
        if not self.settings.adopts:
            self.ingest(database)
        snapshot = self.snapshot(database)
        run = (train or self.train)(snapshot, self.embed(snapshot))
        evaluation = self.evaluate(snapshot, run)
        self.publish(database, snapshot, run)
        return run, snapshot, evaluation
