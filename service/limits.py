"""Every limit of a request, as rows: those of the settings in force, and those that no setting changes."""

from typing import TypedDict

from schemas.columns import LARGEST_WEIGHT
from schemas.fields import MOST_ENTRIES
from schemas.groups import MOST_PARTITIONS
from schemas.ranking import LARGEST_RANK, MOST_RANKS
from schemas.requirements import MOST_REQUIREMENTS
from service.body import MOST_FRAMES
from service.json_columns import MOST_KEYS, MOST_OBJECTS
from service.problems import PROBLEMS, TYPE_PREFIX
from service.settings import Settings


class Limit(TypedDict):
    """A limit: what is on it is taken, what is beyond it gets a problem of this status and type.

    `variable` is the environment variable that sets it, null where none does.
    """

    name: str
    variable: str | None
    value: int | float
    unit: str
    description: str
    status: int
    problem: str


def limit(about: tuple[str, str | None, float], unit: str, description: str, slug: str = "limit-exceeded") -> Limit:
    """A limit of this name, variable and value, refused with the problem of a slug."""
    name, variable, value = about
    status, _ = PROBLEMS[slug]
    return Limit(
        name=name,
        variable=variable,
        value=value,
        unit=unit,
        description=description,
        status=status,
        problem=TYPE_PREFIX + slug,
    )


FIXED = (
    limit(("compressed_frames", None, MOST_FRAMES), "frames", "Most frames of a compressed body.", "bad-encoding"),
    limit(("object_keys", None, MOST_KEYS), "keys", "Most keys of an object, columns of a file, or query parameters."),
    limit(("array_objects", None, MOST_OBJECTS), "objects", "Most objects of an array."),
    limit(("metadata_entries", None, MOST_ENTRIES), "entries", "Most entries of `metadata`."),
    limit(("requirements", None, MOST_REQUIREMENTS), "requirements", "Most `requirements` of a request."),
    limit(("group_partitions", None, MOST_PARTITIONS), "names", "Most names of `groups` and crossings of them."),
    limit(("ranks", None, MOST_RANKS), "ranks", "Most ranks in `k`."),
    limit(("rank", None, LARGEST_RANK), "documents", "Largest rank in `k`."),
    limit(("weight", None, LARGEST_WEIGHT), "", "Largest weight; the least above 0 is its inverse.", "bad-weight"),
)


def limits(settings: Settings) -> list[Limit]:
    """The limits in force."""
    of_settings = [
        limit(
            (field.name, variable, getattr(settings, field.name)),
            field.metadata["unit"],
            field.metadata["description"],
            field.metadata["problem"],
        )
        for variable, field in Settings.variables().items()
        if "unit" in field.metadata
    ]
    return [*of_settings, *FIXED]
