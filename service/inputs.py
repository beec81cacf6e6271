"""What the functions of the catalogue take: found by the types that they name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from service.deadline import check_time
from service.metrics.batch import Question, Reading
from service.metrics.catalogue import TASKS
from service.metrics.intervals import Case
from service.metrics.undefined import Undefined

# The states of one output by kind; a kind that the batch could not give holds the reason.
Output = Mapping[type[Any], Any]


class Inputs(dict[Any, Any]):
    """By type the states of one output, the question and the reading.

    A kind of states that stands for a more general one in this task is found by that, too.
    """

    def __init__(self, output: Output, question: Question, reading: Reading) -> None:
        super().__init__(output)
        self[Question], self[Reading] = question, reading

    def __missing__(self, annotation: Any) -> Any:
        found = self[annotation] = self[TASKS[self[Question].task].among(annotation, self)]
        return found

    def at_level(self, level: float) -> "Inputs":
        """The same, read with intervals of this level."""
        return Inputs(self, self[Question], replace(self[Reading], confidence_level=level))

    def arguments(self, needs: Mapping[str, tuple[type[Any], bool]], case: Case | None = None) -> dict[str, Any]:
        """What a function takes. Raises `Undefined` for a state that is missing.

        Raises `Overdue` where the time is over: every function of the catalogue gets its arguments here.
        """
        check_time()
        given: dict[str, Any] = {}
        for name, (kind, takes_reason) in needs.items():
            found = case if kind is Case else self[kind]
            if type(found) is Undefined and not takes_reason:
                raise found.again()
            given[name] = found
        return given
