"""Rows that belong together: the documents of each query of a ranking."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

# A block's temporaries stay in the processor's cache.
BLOCK_ROWS = 1 << 15
DIGIT_BITS = 16


class Grouping(NamedTuple):
    """Rows by query: `order` brings those of each query together, queries by their number of rows, then by id.

    `ids` and `lengths` are the queries and their numbers of rows in this order.
    """

    order: NDArray[np.intp] | slice
    ids: NDArray[Any]
    lengths: Integers


def grouped(query: NDArray[Any]) -> Grouping:
    """The rows by query, from what query each belongs to."""
    heads = np.flatnonzero(np.concatenate([[True], query[1:] != query[:-1]]))
    ids, runs = query[heads], np.diff(heads, append=len(query))
    by_id = ordered(ids)
    ids, runs = ids[by_id], runs[by_id]
    firsts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    lengths, parts = np.add.reduceat(runs, firsts), np.diff(firsts, append=len(runs))
    by_length = ordered(lengths)
    chosen = spans(firsts[by_length], parts[by_length])
    moved = heads[by_id[chosen]]
    in_place = bool(np.all(moved[1:] > moved[:-1]))
    order = slice(None) if in_place else spans(moved, runs[chosen])
    return Grouping(order, ids[firsts][by_length], lengths[by_length])


def starts_of(lengths: Integers) -> Integers:
    """Where spans of these lengths start, one after the other."""
    return np.cumsum(lengths) - lengths


def spans(starts: Integers, lengths: Integers) -> Integers:
    """The positions of several spans, one span after the other."""
    return np.repeat(starts - starts_of(lengths), lengths) + np.arange(lengths.sum())


def ordered(values: NDArray[Any]) -> NDArray[np.intp]:
    """The stable order that sorts strings or 64-bit integers, these digit by digit: small ranges take few passes."""
    if np.all(values[1:] >= values[:-1]):
        return np.arange(len(values))
    if values.dtype != np.int64:
        return np.argsort(values, kind="stable")
    low, high = int(values.min()), int(values.max())
    above = values.view(np.uint64) - np.uint64(low % 2**64)
    order = np.arange(len(values))
    for shift in range(0, (high - low).bit_length(), DIGIT_BITS):
        digits = (above >> np.uint64(shift)).astype(np.uint16)  # the lowest bits of what is left
        order = order[np.argsort(digits[order], kind="stable")]
    return order


def blocks(lengths: Integers) -> Iterator[tuple[slice, slice, int]]:
    """Groups of one length, their rows, and the length, a block at a time; `lengths` must ascend."""
    cuts = [*np.flatnonzero(np.diff(lengths, prepend=0)).tolist(), len(lengths)]
    row = 0
    for first, last in pairwise(cuts):
        length = int(lengths[first])
        step = max(1, BLOCK_ROWS // length)
        for group in range(first, last, step):
            until = min(group + step, last)
            size = (until - group) * length
            yield slice(group, until), slice(row, row + size), length
            row += size
