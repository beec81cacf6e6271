"""What the pages of a Parquet file hold, by their own headers, read before a page is.

The metadata at the end of the file only claim how large a column is; pyarrow allocates and decodes what the header of
each page says. Both are Thrift structs in the compact protocol, as `parquet.thrift` of the Parquet format defines them.
They are read here because pyarrow does not give the headers, and ends the process on some damaged metadata.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

# Kinds of values in the compact protocol.
TRUE, FALSE, BYTE, SHORT, INTEGER, LONG, DOUBLE, BINARY, LIST, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 12
FIXED = {TRUE: 0, FALSE: 0, BYTE: 1, DOUBLE: 8}
# What no file that is taken has more of.
MOST_FOOTER, MOST_PAGES, MOST_FIELDS, LARGEST_FIELD, DEEPEST = 1 << 20, 100_000, 2_000_000, 100, 8
MAGIC = b"PAR1"
# Places of fields: of the metadata, of a row group, of a column in one, and of the metadata of that.
ROW_GROUPS, COLUMNS, ROWS, COLUMN = 4, 1, 3, 3
COMPRESSED_COLUMN, DATA_PAGE, DICTIONARY_PAGE = 7, 9, 11
# Of the header of a page; and of that of each kind of page, which has the number of values first, the encoding.
UNCOMPRESSED, COMPRESSED = 2, 3
VALUES, DICTIONARY = 1, 7
ENCODING_AT = {5: 2, DICTIONARY: 2, 8: 4}
# Strings as what differs from the one before: a short page may hold long ones without end.
DELTA_BYTE_ARRAY = 7


class Page(NamedTuple):
    """The size of a page once it is decompressed, in bytes, and how many values it has for rows."""

    size: int
    values: int


class Struct(dict[int, tuple[int, Any]]):
    """The fields of a struct by their numbers, each with its kind."""

    def of(self, number: int, kind: int) -> Any:
        """A field of a kind. Raises `LookupError` where there is none, as one of another kind is passed over."""
        if self[number][0] != kind:
            raise LookupError
        return self[number][1]

    def structs(self, number: int) -> list["Struct"]:
        """A field that is a list of structs."""
        found: list[Any] = self.of(number, LIST)
        if not all(isinstance(each, Struct) for each in found):
            raise ValueError
        return found

    def size(self, number: int, kind: int = INTEGER) -> int:
        """A field that is a size: not negative, and within its bits."""
        size: int = self.of(number, kind)
        if not 0 <= size < 2 ** (63 if kind == LONG else 31):
            raise ValueError
        return size


def pages_of(body: bytes | bytearray) -> Iterator[Page]:
    """Every page of a file. Raises `ValueError` or `LookupError` where that is none, or has too many."""
    end = len(body) - len(MAGIC) - 4
    start = end - int.from_bytes(body[end : end + 4], "little")
    if not body.startswith(MAGIC) or not body.endswith(MAGIC) or not max(4, end - MOST_FOOTER) <= start < end:
        raise ValueError
    thrift, count = Thrift(body), 0
    footer, _ = thrift.struct(start)
    for group in footer.structs(ROW_GROUPS):
        for column in group.structs(COLUMNS):
            chunk = column.of(COLUMN, STRUCT)
            at = chunk.size(DATA_PAGE, LONG)
            if DICTIONARY_PAGE in chunk and 0 < chunk.size(DICTIONARY_PAGE, LONG) < at:
                at = chunk.size(DICTIONARY_PAGE, LONG)
            stop = at + chunk.size(COMPRESSED_COLUMN, LONG)
            if not 0 < at <= stop <= start:
                raise ValueError
            values = 0
            while at < stop:
                header, at = thrift.struct(at)
                at += header.size(COMPRESSED)
                count += 1
                if count > MOST_PAGES or at > stop:
                    raise ValueError
                page = page_of(header)
                values += page.values
                yield page
            if values < group.size(ROWS, LONG):
                raise ValueError


def page_of(header: Struct) -> Page:
    """What the header of a page says of it."""
    size, values = header.size(UNCOMPRESSED), 0
    for kind, place in ENCODING_AT.items():
        if kind in header:
            page = header.of(kind, STRUCT)
            number = page.size(VALUES)
            if page.of(place, INTEGER) == DELTA_BYTE_ARRAY or (kind == DICTIONARY and number > size):
                raise ValueError
            values += 0 if kind == DICTIONARY else number
    return Page(size, values)


class Thrift:
    """A reader of structs, of so many fields in all. Each method also says where what it read ends."""

    def __init__(self, body: bytes | bytearray) -> None:
        self.body, self.left = body, MOST_FIELDS

    def struct(self, at: int, depth: int = 1) -> tuple[Struct, int]:
        """The struct at a place. Raises `ValueError` where a field comes twice, of which a reader may take either."""
        fields, number = Struct(), 0
        while self.body[at]:
            step, kind = divmod(self.body[at], 16)
            number, at = (number + step, at + 1) if step else self.signed(at + 1)
            if number in fields or not 0 <= number <= LARGEST_FIELD:
                raise ValueError
            value, at = self.value(kind, at, depth)
            fields[number] = kind, value
        return fields, at + 1

    def value(self, kind: int, at: int, depth: int) -> tuple[Any, int]:
        """The value of a kind at a place. Texts and numbers that are no integers are passed over."""
        self.left -= 1
        if self.left < 0 or depth > DEEPEST:
            raise ValueError
        if kind in (SHORT, INTEGER, LONG):
            return self.signed(at)
        if kind == BINARY:
            length, at = self.varint(at)
            return None, at + length
        if kind == STRUCT:
            return self.struct(at, depth + 1)
        if kind == LIST:
            return self.values(at, depth + 1)
        return None, at + FIXED[kind]

    def values(self, at: int, depth: int) -> tuple[list[Any], int]:
        """The list at a place. A boolean in one is a byte."""
        length, kind = divmod(self.body[at], 16)
        length, at = self.varint(at + 1) if length == 15 else (length, at + 1)
        found = []
        for _ in range(length):
            value, at = self.value(BYTE if kind in (TRUE, FALSE) else kind, at, depth)
            found.append(value)
        return found, at

    def signed(self, at: int) -> tuple[int, int]:
        """The integer in zigzag at a place."""
        value, at = self.varint(at)
        return (value >> 1) ^ -(value & 1), at

    def varint(self, at: int) -> tuple[int, int]:
        """The integer of seven bits a byte at a place."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.body[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
        raise ValueError
