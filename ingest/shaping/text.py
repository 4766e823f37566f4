"""Text as it should stand in the graph: in one Unicode form, and without what is no text."""

from __future__ import annotations

import html

import pyarrow as pa
import pyarrow.compute as pc

# Tags that may stand inside a word; all others part words.
_INLINE = "a|abbr|b|big|cite|code|em|font|i|mark|q|s|small|span|strong|sub|sup|tt|u|wbr"
_ATTRIBUTES = r"""(?:\s(?:"[^"]*"|'[^']*'|[^<>"'])*)?/?"""
_STEPS = (
    (r"(?is)<script\b.*?</script\s*>|<style\b.*?</style\s*>|<!--.*?-->|<[!?][^>]*>", " "),
    (rf"(?is)</?(?:{_INLINE}){_ATTRIBUTES}>", ""),
    (rf"(?is)</?[a-z][a-z0-9:-]*{_ATTRIBUTES}>", " "),
)
_CONTROLS = r"[\x{00}-\x{08}\x{0e}-\x{1b}\x{7f}-\x{84}\x{86}-\x{9f}]+"  # the others are blanks
_BLANKS = r"[\s\p{Z}\x{0b}\x{85}\x{1c}-\x{1f}]+"


def composed(text: pa.StringArray) -> pa.StringArray:
    """Text in Unicode NFC, in which one visible text is one sequence of code points."""
    return pc.utf8_normalize(text, form="NFC")


def cleaned(text: pa.StringArray) -> pa.StringArray:
    """Text without HTML tags, entities and control characters, and with single blanks only.

    A tag is ``<`` and a letter up to the next ``>``, as a browser sees it: ``1 < 2`` stays.
    Entities are read once and after the tags: ``&lt;b&gt;`` becomes the text ``<b>``.

    Args:
        text: ``(N,)``, may be null.

    Returns:
        ``(N,)`` in Unicode NFC; null where nothing is left.
    """
    if pc.any(pc.match_substring(text, "<")).as_py():
        for pattern, replacement in _STEPS:
            text = pc.replace_substring_regex(text, pattern, replacement)
    if pc.any(pc.match_substring(text, "&")).as_py():
        values = text.to_pylist()
        text = pa.array(
            [html.unescape(value) if value and "&" in value else value for value in values],
            pa.string(),
        )
    text = pc.replace_substring_regex(text, _CONTROLS, "")
    text = pc.replace_substring_regex(text, _BLANKS, " ")
    return absent_if_empty(pc.utf8_trim_whitespace(composed(text)))


def absent_if_empty(text: pa.StringArray) -> pa.StringArray:
    """Null in place of empty text."""
    return pc.if_else(pc.equal(pc.binary_length(text), 0), None, text)
