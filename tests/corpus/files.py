"""Files that are damaged as a whole, or look it."""

from __future__ import annotations

import bz2
import gzip
import os

import pyarrow as pa

from corpus.case import (
    Case,
    Damage,
    add,
    each,
    encode,
    put,
    rejected,
    remap,
    rename,
    stops,
    swap,
    taken,
)
from corpus.shop import BOUGHT, WITH, Shop

ROWS = "person,thing,when,amount,rating\n" + "".join(
    f"ann,1,{1_700_000_000 + i},1,{i % 5}\n" for i in range(5_000)
)
WOK = "MATCH (i:Item {id: '3'}) RETURN i.title AS found"


def _zst(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


def _bought(name: str, data: bytes) -> Damage:
    """Another file of events."""
    return each(remap('file = "bought.csv"', f'file = "{name}"'), put(name, data))


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _missing(shop: Shop) -> None:
    (shop.folder / "bought.csv").rename(shop.folder / "bougth.csv")


def _folder(shop: Shop) -> None:
    (shop.folder / "with.csv").unlink()
    (shop.folder / "with.csv").mkdir()


def _link(target: str) -> Damage:
    def damage(shop: Shop) -> None:
        (shop.folder / "with.csv").unlink()
        (shop.folder / "with.csv").symlink_to(target)

    return damage


def _pipe(shop: Shop) -> None:
    (shop.folder / "with.csv").unlink()
    os.mkfifo(shop.folder / "with.csv")


CASES: list[Case] = [
    stops("an empty file", put("with.csv", ""),
          "DIR/with.csv: the file is empty. Its first line should name the columns."),
    stops("only a byte order mark", put("with.csv", b"\xef\xbb\xbf"),
          "DIR/with.csv: the file is empty. Its first line should name the columns."),
    stops("an empty first line", put("with.csv", "\none,other,times\n1,3,7\n"),
          "DIR/with.csv, line 1: the first line is empty. It should name the columns."),
    stops("a first line of spaces", put("with.csv", "   \n1,3,7\n"),
          "DIR/with.csv, line 1: the first line is empty. It should name the columns."),
    stops("nothing but empty lines", put("with.csv", "\n" * 50),
          "DIR/with.csv, line 1: the first line is empty. It should name the columns."),
    stops("nothing but NUL bytes, as after a crash", put("with.csv", b"\0" * 4096),
          "DIR/with.csv, line 1: the first line is not utf-8 text. Save the file as UTF-8, "
          "or say what it is with 'encoding = ...'."),
    stops("/dev/null", _link("/dev/null"),
          "[[relations]] 1: DIR/with.csv is a pipe or a device, which cannot be read twice. "
          "Save what it gives to a file: all files are checked first, and loaded then."),
    stops("a file that is not there", _missing,
          "[[interactions]] 1: there is no file DIR/bought.csv. Perhaps 'bougth.csv' is "
          "meant."),
    stops("a folder in place of a file", _folder,
          "[[relations]] 1: DIR/with.csv is a folder. Name one file in it, or all of them "
          "with a pattern such as 'with.csv/*.csv'."),
    stops("a link to nothing", _link("gone.csv"),
          "[[relations]] 1: DIR/with.csv is a link to gone.csv, which is not there"),
    stops("a link to itself", _link("with.csv"),
          "[[relations]] 1: DIR/with.csv is a link to with.csv, which is not there"),
    stops("a pipe, which can be read only once", _pipe,
          "[[relations]] 1: DIR/with.csv is a pipe or a device, which cannot be read twice. "
          "Save what it gives to a file: all files are checked first, and loaded then."),
    stops("a name that tells no format", rename("with.csv", "with.xls"),
          "[[relations]] 1: the name of DIR/with.xls does not say how it is written. Add "
          "'format = ...' (csv, tsv, jsonl, parquet), or end it in .csv, .tsv, .tab, .jsonl, "
          ".ndjson, .json, .parquet, .pq."),
    stops("a spreadsheet", put("with.csv", b"PK\x03\x04\x14\x00\x06\x00\x08\x00"),
          "DIR/with.csv, line 1: the first line is not utf-8 text. Save the file as UTF-8, "
          "or say what it is with 'encoding = ...'."),
    stops("a page that says the download failed",
          put("with.csv", "<!DOCTYPE html>\n<html><body>404</body></html>\n"),
          "[[relations]] 1, weight: DIR/with.csv has no column 'times'. It has <!DOCTYPE "
          "html>."),
    stops("a pointer in place of a large file",
          put("with.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n"),
          "[[relations]] 1, weight: DIR/with.csv has no column 'times'. It has version "
          "https://git-lfs.github.com/spec/v1."),
    stops("a pattern that matches nothing", remap('"with.csv"', '"with/*.csv"'),
          "[[relations]] 1: no file matches DIR/with/*.csv. Paths are relative to the "
          "mapping, or to its 'base'."),
    rejected("a file named in two tables", add(
          '[[relations]]\nfile = "with.csv"\ntype = "BOUGHT_WITH"\n'
          'source = { item = "one", domain = "food" }\n'
          'target = { item = "other", domain = "kitchen-ware" }\n'),
          "DIR/with.csv, line 2: line 2 of with.csv says something else of the same item and "
          "item (found 'food/1 and kitchen-ware/3'). Keep one of the two rows.",
          also={"with.csv": {2, 3}}, BOUGHT_WITH=4),
    # packed
    stops("gzip that is cut short", _bought("bought.csv.gz", _half(gzip.compress(ROWS.encode()))),
          "DIR/bought.csv.gz: the file is cut short or damaged (Truncated compressed "
          "stream). Copy or download it again."),
    stops("gzip that is none", rename("with.csv", "with.csv.gz"),
          "DIR/with.csv.gz: the file is cut short or damaged (zlib inflate failed: incorrect "
          "header check). Copy or download it again."),
    stops("gzip of nothing", each(rename("with.csv", "with.csv.gz"),
          put("with.csv.gz", gzip.compress(b""))),
          "DIR/with.csv.gz: the file is empty. Its first line should name the columns."),
    stops("gzip with something behind it", rename("with.csv", "with.csv.gz",
          lambda data: gzip.compress(data) + b"something"),
          "DIR/with.csv.gz: the file is cut short or damaged (zlib inflate failed: incorrect "
          "header check). Copy or download it again."),
    stops("gzip with a wrong checksum", rename("with.csv", "with.csv.gz",
          lambda data: gzip.compress(data)[:-8] + b"\0" * 8),
          "DIR/with.csv.gz: the file is cut short or damaged (zlib inflate failed: incorrect "
          "data check). Copy or download it again."),
    stops("zst that is cut short", _bought("bought.csv.zst", _half(_zst(ROWS.encode()))),
          "DIR/bought.csv.zst: the file is cut short or damaged (Truncated compressed "
          "stream). Copy or download it again."),
    stops("zst that is none", rename("with.csv", "with.csv.zst"),
          "DIR/with.csv.zst: the file is cut short or damaged (ZSTD decompress failed: "
          "Unknown frame descriptor). Copy or download it again."),
    stops("bz2 that is cut short", _bought("bought.csv.bz2", _half(bz2.compress(ROWS.encode()))),
          "DIR/bought.csv.bz2: the file is cut short or damaged (Truncated compressed "
          "stream). Copy or download it again."),
    stops("a packed file without the ending that says so",
          rename("with.csv", "with.csv", lambda data: b"\x1f\x8b\x08\x00" + data[:20]),
          "DIR/with.csv, line 1: the first line is not utf-8 text "
          "(found '\\x1f\\x8b\\x08\\x00one'). "
          "Save the file as UTF-8, or say what it is with 'encoding = ...'."),
    taken("gzip of two parts", rename("bought.csv", "bought.csv.gz",
          lambda data: gzip.compress(data[:40]) + gzip.compress(data[40:]))),
    # encodings
    stops("UTF-16 without saying so", encode("with.csv", "utf-16"),
          "DIR/with.csv, line 1: the first line is not utf-8 text (found "
          "'\\xff\\xfeo\\x00n\\x00e\\x00'). Save the file as UTF-8, or say what it is "
          "with 'encoding = ...'."),
    stops("UTF-32 without saying so", encode("with.csv", "utf-32"),
          "DIR/with.csv, line 1: the first line is not utf-8 text (found "
          "'\\xff\\xfe\\x00\\x00o\\x00\\x00\\x00n\\x00\\x00\\x00e\\x00\\x00\\x00'). Save "
          "the file as UTF-8, or say what it is with 'encoding = ...'."),
    stops("UTF-16 said and not so", remap('file = "with.csv"',
          'file = "with.csv"\nencoding = "utf-16"'),
          "DIR/with.csv, line 1: this is not utf-16 text (UTF-16 stream does not start with BOM). "
          "Say what it is with 'encoding = ...', or save it as UTF-8."),
    stops("Latin-1 in the header", encode("with.csv", "latin-1", "times", "times,größe"),
          "DIR/with.csv, line 1: the first line is not utf-8 text (found "
          "'gr\\xf6\\xdfe'). Save the file as UTF-8, or say what it is with 'encoding = "
          "...'."),
    stops("an encoding that does not exist", remap('file = "with.csv"',
          'file = "with.csv"\nencoding = "utf-7.5"'),
          "[[relations]] 1, encoding: 'utf-7.5' is not known. Try 'utf-8' or 'cp1252'."),
    stops("an encoding that has no sign for a byte", each(remap('file = "things.csv"',
          'file = "things.csv"\nencoding = "cp1252"'), encode("things.csv", "latin-1", "Wok",
          "W\x81k")),
          "DIR/things.csv, line 4: this is not cp1252 text (byte 0x81: character maps to "
          "<undefined>). Say what it is with 'encoding = ...', or save it as UTF-8."),
    taken("UTF-16 that is said", each(remap('file = "things.csv"',
          'file = "things.csv"\nencoding = "utf-16"'), encode("things.csv", "utf-16", "Wok",
          "鍋")), WOK, "鍋"),
    taken("a byte order mark", encode("things.csv", "utf-8-sig"), WOK, "Wok"),
    # the header
    stops("a column that is not there", swap("bought.csv", "person,", "persons,"),
          "[[interactions]] 1, user: DIR/bought.csv has no column 'person'. Perhaps "
          "'persons' is meant; it has persons, thing, when, amount, rating."),
    stops("names of columns in other letters", swap("bought.csv", "person,", "Person,"),
          "[[interactions]] 1, user: DIR/bought.csv has no column 'person'. Perhaps 'Person' "
          "is meant; it has Person, thing, when, amount, rating."),
    stops("a column twice", swap("with.csv", "one,other,times", "one,other,times,times"),
          "DIR/with.csv, line 1: the header has column 'times' 2 times. Give each column a "
          "name of its own."),
    stops("no header", swap("with.csv", "one,other,times\n", ""),
          "[[relations]] 1, weight: DIR/with.csv has no column 'times'. It has 1, 3, 7."),
    stops("another delimiter", put("with.csv", WITH.replace(",", ";")),
          "[[relations]] 1, weight: DIR/with.csv has no column 'times'. It has "
          "one;other;times."),
    stops("a quote in the header that is never closed", swap("with.csv", "one,", '"one,'),
          "DIR/with.csv, line 1: a quote opens in column 1 and is never closed (found "
          "'\"one,other,times'). Close it, double it if it belongs to the text, or say 'quote = "
          '""\' if quotes mean nothing.'),
    stops("a title above the header", put("with.csv", "Sold together\n\n" + WITH),
          "[[relations]] 1, weight: DIR/with.csv has no column 'times'. It has Sold together."),
    taken("names of columns in quotes", swap("with.csv", "one,other,times",
          '"one","other","times"')),
    taken("spaces around names of columns", swap("with.csv", "one,other,times",
          " one , other ,times ")),
    taken("columns without a name at the end", put("with.csv", WITH.replace("\n", ",,\n"))),
    taken("a thousand columns more", put("with.csv", "".join(
          line + "".join(f",c{n}" for n in range(1_000)) + "\n" for line in WITH.splitlines()))),
    # line ends
    taken("line ends of Windows", put("bought.csv", BOUGHT.replace("\n", "\r\n"))),
    taken("line ends of old Macs", put("bought.csv", BOUGHT.replace("\n", "\r"))),
    taken("line ends of all sorts",
          put("bought.csv", BOUGHT.replace("\n", "\r\n", 1).replace("3\n", "3\r\n\n\n"))),
    taken("no line end at the end", put("bought.csv", BOUGHT.rstrip("\n"))),
    taken("empty lines at the end", put("bought.csv", BOUGHT + "\n\n\r\n")),
    taken("a header and no row", put("with.csv", "one,other,times\n"), BOUGHT_WITH=0),
]  # fmt: skip
