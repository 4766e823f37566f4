"""Files of ``neo4j-admin database import``: CSV with typed headers, and a file of arguments."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from linkspan.errors import DataError
from linkspan.graph.bulk.files import BulkFiles, Columns, Numbers

ARGUMENTS = "import.args"
"""Name of the file of arguments."""
_BETWEEN = "\x1f"  # the unit separator, between values of a list and between labels
_OPTIONS = """\
--id-type=integer
--array-delimiter=U+001F
--legacy-style-quoting=false
--multiline-fields={multiline}
--bad-tolerance=0
--report-file=import.report
--overwrite-destination=true
"""


class Neo4jFiles(BulkFiles):
    """A data file, and one with its header, for each set of columns; see `BulkFiles`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._open: dict[tuple[str, ...], csv.CSVWriter] = {}
        self._arguments: list[str] = []
        self._multiline = False

    def _write_nodes(self, labels: tuple[str, ...], numbers: Numbers, columns: Columns) -> None:
        own = {":ID": pa.array(numbers), ":LABEL": _same(_BETWEEN.join(labels), len(numbers))}
        self._write("nodes", own, columns)

    def _write_links(self, kind: str, sources: Numbers, targets: Numbers, columns: Columns) -> None:
        own = {
            ":START_ID": pa.array(sources),
            ":END_ID": pa.array(targets),
            ":TYPE": _same(kind, len(sources)),
        }
        self._write("relationships", own, columns)

    def _write(self, what: str, own: Columns, columns: Columns) -> None:
        header = (*own, *(f"{name}:{_type(values.type)}" for name, values in columns.items()))
        texts = [_text(name, values) for name, values in columns.items()]
        rows = pa.table([*own.values(), *texts], names=list(header))
        for values in texts:
            if not self._multiline and pa.types.is_string(values.type):
                self._multiline = pc.any(pc.match_substring_regex(values, "[\r\n]")).as_py() is True
        if header not in self._open:
            name = f"{what}-{len(self._open) + 1}"
            (self.folder / f"{name}.header.csv").write_text(",".join(header) + "\n", "utf-8")
            self._open[header] = csv.CSVWriter(
                self.folder / f"{name}.csv",
                rows.schema,
                write_options=csv.WriteOptions(include_header=False),
            )
            self._arguments.append(f"--{what}={name}.header.csv,{name}.csv\n")
        self._open[header].write_table(rows)

    def close(self) -> None:
        """Write to the end what is open, then the file of arguments."""
        for writer in self._open.values():
            writer.close()
        multiline = "true" if self._multiline else "false"
        text = _OPTIONS.format(multiline=multiline) + "".join(self._arguments)
        (self.folder / ARGUMENTS).write_text(text, "utf-8")


def _same(text: str, count: int) -> pa.StringArray:
    return pa.repeat(pa.scalar(text), count)


def _type(kind: pa.DataType) -> str:
    """The importer's name of a type."""
    if pa.types.is_list(kind):
        return f"{_type(kind.value_type)}[]"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "long"
    return "double" if pa.types.is_floating(kind) else "string"


def _text(name: str, values: pa.Array) -> pa.Array:
    """Values as a cell holds them: a list becomes one text."""
    if not pa.types.is_list(values.type):
        return values
    texts = values.cast(pa.list_(pa.string()))
    if pc.any(pc.match_substring(pc.list_flatten(texts), _BETWEEN)).as_py():
        raise DataError(
            f"a value in the lists of '{name}' has the character U+001F in it, which parts the "
            "values in the files of Neo4j's importer",
            hint="Leave '--bulk' out, or take the character out of the file",
        )
    return pc.binary_join(texts, _BETWEEN)
