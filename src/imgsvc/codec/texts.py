"""Texts in metadata, of which nobody says how they are written."""

from __future__ import annotations

__all__ = ["text_of"]


def text_of(content: bytes, *, is_cut: bool = False) -> str:
    """Return bytes as a text: of UTF-8, `is_cut` perhaps within a character, or else of Windows' Latin."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if is_cut and error.end == len(content) and error.reason == "unexpected end of data":
            return content[: error.start].decode("utf-8")
        return content.decode("cp1252", "replace")
