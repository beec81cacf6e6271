"""Columns of a request as a decoder hands them over, before any schema.

An array of numbers comes as a numpy array, int64 where all are integers, else float64; rows of numbers of one length
as a 2-d array. Any other array of scalars comes as a list of Python's, and one that no column can be as `Faulty`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Faulty:
    """An array with elements that no column holds: the position of each, at most 100, and what is wrong there."""

    errors: dict[int, str]
