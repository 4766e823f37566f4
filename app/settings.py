"""Settings: one TOML file, the environment for secrets, flags over both."""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from linkspan.errors import ConfigError
from linkspan.gnn.settings import (
    PARTS,
    ClusterSettings,
    FederationSettings,
    PrivacySettings,
    SplitSettings,
    TrainSettings,
)
from linkspan.graph.asking.results import Likeness
from linkspan.graph.connecting.connection import Database
from linkspan.graph.connecting.driving import Login, find_login
from linkspan.graph.roles import Roles
from linkspan.graph.users.feedback import Counts
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.ingest.bulk.load import Bulk
from linkspan.ingest.load import pseudonyms_of
from linkspan.ingest.mapping.adoption import adoption_from_tables
from linkspan.ingest.mapping.complaints import misspelt
from linkspan.ingest.mapping.model import TABLES, Mapping, mapping_from_tables
from linkspan.ingest.roles import find_roles

FILE = "linkspan.toml"
FOLDER = ".linkspan"
DEMO = "demo"
"""In place of a file: the bundled mapping, in the folder where the demo ran."""
OWN_TABLES = (
    "database",
    "split",
    "train",
    "privacy",
    "cluster",
    "federation",
    "publish",
    "feedback",
)
"""Names of the tables in ``linkspan.toml`` that are not the mapping."""


class DatabaseSettings(BaseModel):
    """Graph database to use; the password comes from ``NEO4J_PASSWORD`` alone.

    Attributes:
        uri: ``embedded:DIR`` (seen from `Settings.home`), or ``neo4j://``, ``bolt://``,
            ``neo4j+s://`` with host and port.
        user: Login name; not for the embedded server.
        name: Name of the database; not for the embedded server.
        http: Where a server that is ArcadeDB serves its own API; by default its usual port.
        home: Home of the Neo4j behind ``uri``, on this machine (seen from `Settings.home`), which
            ``ingest --bulk`` may stop, import into and start again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str = f"embedded:{FOLDER}/db"
    user: str = "neo4j"
    name: str = "neo4j"
    http: str | None = None
    home: Path | None = None


class PublishSettings(BaseModel):
    """Extent and rules of what is published; the rules look at the graph as it is then.

    Attributes:
        k: Recommendations a user and domain; or a number by domain, 10 where one is not named.
        total: Most recommendations of a user over all domains, those of the best ranks; by default
            all.
        similar: Similar items an item and kind in its own domain, and as many in the others.
        similar_kinds: By what items are like one: ``states``, what was learned of them, and
            ``relations``, what they share in the graph.
        domains: Only these; by default all.
        users: Keys of the only users that get lists; by default all.
        min_score: Recommendations of a lower score are left out; scores of two domains are not on
            one scale.
        require: Conditions on item properties, such as ``in_stock = true``, that must all hold.
        exclude: Conditions of which none may hold.
        match_user: Properties that an item must share with its user, such as ``language``; a user
            without one gets items of any.
        diversity: From 0 to 1: how much unlikeness to the items above counts (MMR).
        calibration: From 0 to 1: how much it counts that a list is as popular as the user's past.
        vectors: Whether items get their vectors, with an index each.
        keep: Runs whose score files are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: PositiveInt | dict[str, PositiveInt] = 10
    total: PositiveInt | None = None
    similar: int = Field(default=5, ge=1)
    similar_kinds: tuple[Likeness, ...] = Field(default=("states", "relations"), min_length=1)
    domains: tuple[str, ...] | None = Field(default=None, min_length=1)
    users: tuple[str, ...] | None = Field(default=None, min_length=1)
    min_score: float | None = Field(default=None, allow_inf_nan=False)
    require: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    match_user: tuple[str, ...] = ()
    diversity: float = Field(default=0.0, ge=0, le=1)
    calibration: float = Field(default=0.0, ge=0, le=1)
    vectors: bool = True
    keep: int = Field(default=5, ge=1)

    @model_validator(mode="after")
    def _weights(self) -> PublishSettings:
        """Check the sum of the weights; what is left of 1 is the weight of the score."""
        if self.diversity + self.calibration > 1:
            raise ValueError("diversity and calibration together may be at most 1")
        return self


class FeedbackSettings(BaseModel):
    """Rules by which feedback of users is written and counts.

    Attributes:
        interaction: Relationship type that positive feedback becomes; by default the first of the
            mapping.
        kinds: Kind to what it counts as (``shown``, ``clicked``, ``positive``, ``negative`` or
            ``hidden``), beside the kinds there are: ``view``, ``click``, ``accept``, ``dislike``
            and ``dismiss``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    interaction: str | None = None
    kinds: dict[str, Counts] = {}


class Settings(BaseModel):
    """All settings in force, with defaults filled in.

    Attributes:
        database: Where the graph is.
        split: What is held out.
        train: How the model is built and trained, in five tables.
        privacy: How much a model may tell of a user.
        cluster: Who trains and scores.
        federation: How this site trains together with others.
        publish: What is published.
        feedback: How feedback counts.
        base: Folder that the mapping's paths are seen from.
        home: Folder that holds ``.linkspan``, and that ``embedded:DIR`` is seen from.
        tables: The other tables of the file: the mapping, not yet checked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: DatabaseSettings = DatabaseSettings()
    split: SplitSettings = SplitSettings()
    train: TrainSettings = TrainSettings()
    privacy: PrivacySettings = PrivacySettings()
    cluster: ClusterSettings = ClusterSettings()
    federation: FederationSettings = FederationSettings()
    publish: PublishSettings = PublishSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    base: Path = Path()
    home: Path = Path()
    tables: dict[str, Any] = {}

    @property
    def folder(self) -> Path:
        """Folder where snapshots, text embeddings and runs are kept."""
        return self.home / FOLDER

    @property
    def adopts(self) -> bool:
        """True where an existing graph is taken as it is, with roles from ``[adopt]``."""
        return "adopt" in self.tables

    def roles(self) -> Roles:
        """The roles in the graph, from the mapping or from ``[adopt]``.

        Raises:
            ConfigError: There is neither, or it is wrong.
            DataError: A file that has to be read for them cannot be.
        """
        if self.adopts:
            return adoption_from_tables(self.tables).roles()
        return find_roles(self.mapping())

    def check(self) -> None:
        """See that the mapping, or ``[adopt]``, is right; no file is read.

        Raises:
            ConfigError: There is neither, or it is wrong.
        """
        adoption_from_tables(self.tables) if self.adopts else self.mapping()

    def mapping(self) -> Mapping:
        """The mapping, checked.

        Raises:
            ConfigError: There is none, or it is wrong.
        """
        if self.adopts:
            raise ConfigError(
                "the settings adopt an existing graph, so there are no files to ingest",
                hint="Go on with 'linkspan snapshot', or with 'linkspan run' for all stages",
            )
        if not self.tables:
            raise ConfigError(
                f"there is no {FILE} here, and this command needs a mapping",
                hint="Write one with 'linkspan init', or name it with --config; "
                f"after the demo say --config {DEMO}",
            )
        return mapping_from_tables(self.tables, self.base)

    def pseudonyms(self) -> Pseudonyms | None:
        """Pseudonyms that stand for users' ids in files, where the mapping says so.

        Raises:
            ConfigError: Its key is not in the environment, or the mapping is wrong.
        """
        return None if self.adopts else pseudonyms_of(self.mapping())

    def login(self, *, create: bool = False) -> Login:
        """Address and login of the database; an embedded server is started or joined for it.

        Args:
            create: Whether to make the embedded database where there is none.

        Raises:
            ConfigError: The address cannot be used, the password is missing, or there is no
                embedded database.
            DatabaseError: The embedded server did not start.
        """
        uri = self.database.uri
        if uri.startswith("embedded:"):
            uri = f"embedded:{self.home / uri.removeprefix('embedded:')}"
        password = os.environ.get("NEO4J_PASSWORD")
        return find_login(uri, self.database.user, password, self.database.name, create=create)

    @property
    def bulk(self) -> Bulk:
        """Places that a bulk load uses."""
        home = self.database.home
        return Bulk(self.folder / "bulk", home and self.home / home)

    def open_database(self, *, create: bool = False) -> Database:
        """Connect with `login`, which says what is raised."""
        return Database(**vars(self.login(create=create)), http_url=self.database.http)


def load_settings(file: Path | None = None, **flags: Any) -> Settings:
    """Read the settings: flags over the environment over the file over the defaults.

    Args:
        file: The TOML file; None: ``linkspan.toml`` in this folder if there is one; ``demo``, where
            no file is called so: `demo_settings` of this folder.
        flags: ``table__key=value``, such as ``split__seed=1`` or ``train__learning__seed=1``; those
            that are None do not count.

    Raises:
        ConfigError: The file is missing or no TOML, or a table, key or value is wrong.
    """
    if file == Path(DEMO) and not file.exists():
        return demo_settings(Path(), **flags)
    tables: dict[str, Any] = {}
    base = Path()
    if file is None and Path(FILE).exists():
        file = Path(FILE)
    if file is not None:
        tables, base = _read_toml(file), file.parent
        known = {*OWN_TABLES, *TABLES, "adopt"}
        for name in tables:
            if name not in known:
                raise misspelt(str(file), name, sorted(known))
    own = _take_own(tables, file)
    for key, variable in (
        ("uri", "NEO4J_URI"),
        ("user", "NEO4J_USERNAME"),
        ("name", "NEO4J_DATABASE"),
        ("http", "ARCADEDB_HTTP"),
    ):
        if variable in os.environ:
            own["database"][key] = os.environ[variable]
    for name, value in flags.items():
        if value is not None:
            _put(own, name.split("__"), value)
    try:
        return Settings.model_validate({**own, "base": base, "home": base, "tables": tables})
    except ValidationError as error:
        raise _explained(error, file, flags) from error


def demo_settings(home: Path, **flags: Any) -> Settings:
    """The bundled mapping and its data, with the database and runs kept in ``home``; lists of 5."""
    flags["publish__k"] = flags.get("publish__k") or 5
    bundled = Path(str(files("linkspan") / "data" / "goodbooks" / FILE))
    return load_settings(bundled, **flags).model_copy(update={"home": home})


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}", hint="Check the path given with --config"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text", hint="Save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error


def _take_own(tables: dict[str, Any], file: Path | None) -> dict[str, dict[str, Any]]:
    """Take the tables that are not the mapping out of those of a file."""
    own = {name: tables.pop(name, {}) for name in OWN_TABLES}
    for name, table in own.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{file}: [{name}] has to be a table (found {table!r})")
    if "password" in own["database"]:
        raise ConfigError(
            f"{file}: a password stands in [database]", hint="Put it into NEO4J_PASSWORD instead"
        )
    return own


def _put(tables: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a key in tables of tables; what stands where a table should is left to be refused."""
    name, *rest = path
    if not rest:
        tables[name] = value
    elif isinstance(below := tables.setdefault(name, {}), dict):
        _put(below, rest, value)


def _explained(error: ValidationError, file: Path | None, flags: dict[str, Any]) -> ConfigError:
    """The first thing that pydantic found, in one line; what a flag said is not in the file."""
    errors = error.errors()
    first = errors[0]
    path = [str(part) for part in first["loc"]]
    model, depth = _table_at(path)
    said = file is None or flags.get("__".join(path)) is not None
    table, key = ".".join(path[:depth]), ".".join(path[depth:])
    where = f"{'' if said else f'{file}: '}[{table}]"
    if first["type"] == "extra_forbidden":
        if path[0] == "train" and key in PARTS:
            beside = [str(each["loc"][-1]) for each in errors if [*each["loc"][:-1]] == path[:-1]]
            moved = (
                f"'{name}' is now in [train.{PARTS[name]}]" for name in beside if name in PARTS
            )
            return ConfigError(f"{where}: {', '.join(moved)}", hint="Write it there")
        return misspelt(where, key, list(model.model_fields))
    if first["type"] == "model_type":
        return ConfigError(f"{where} has to be a table (found {first['input']!r})")
    if first["type"] == "value_error":
        return ConfigError(f"{where}: {first['ctx']['error']}")
    message = first["msg"][0].lower() + first["msg"][1:]
    return ConfigError(f"{where} {key}: {message} (found {first['input']!r})")


def _table_at(path: list[str]) -> tuple[type[BaseModel], int]:
    """The model of the innermost table on a path, and how many names lead to it."""
    model: type[BaseModel] = Settings
    for depth, name in enumerate(path):
        field = model.model_fields.get(name)
        below = field and field.annotation
        if not (isinstance(below, type) and issubclass(below, BaseModel)):
            return model, depth
        model = below
    return model, len(path)
