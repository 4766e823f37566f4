"""Files that the system refuses, or that change while they are read; see also `test_corpus`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from linkspan.errors import DataError
from linkspan.graph.connecting.connection import Database
from linkspan.ingest import ingest


def test_a_file_that_may_not_be_read(
    shop: Any, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa

    def refuse(path: str, **options: Any) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(pa, "input_stream", refuse)
    with pytest.raises(DataError, match=r"things\.csv: it may not be read\. Check its permissions"):
        ingest(recorder, shop.mapping())
    assert recorder.writes == []


def test_a_file_that_grows_between_check_and_load(shop: Any, recorder: Any, db: Database) -> None:
    class Growing:
        """Adds a row just before the first write."""

        def __getattr__(self, name: str) -> Any:
            if name == "write":
                bought: Path = shop.folder / "bought.csv"
                if "zoe" not in bought.read_text():
                    bought.write_text(bought.read_text() + "zoe,1,1700000000,1,1\n")
            return getattr(db, name)

    with pytest.raises(DataError, match=r"bought\.csv: the file changed while it was read"):
        ingest(Growing(), shop.mapping())  # type: ignore[arg-type]
