"""What metrics must reach, as a request says it: limits on a metric, or the name of a preset."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, cast

from marshmallow import ValidationError

from schemas.complaints import Complaint, complaint
from schemas.fields import Choice, Faulty, Field, Name, Number, OpenAPI
from schemas.groups import GroupName
from schemas.names import Strict, nearest
from service.metrics.batch import Label, Partition
from service.metrics.requirements import Requirement
from service.metrics.row import Metric

MOST_REQUIREMENTS = 100
ON_INTERVAL = "interval"


class Demand(Strict):
    """One of the requirements of a request."""

    metric = Name("The metric that must keep the limits.")
    min = Number("The least value that passes.")
    max = Number("The largest value that passes.")
    decide_on = Choice(
        "`value` where left out; with `interval` the whole interval must keep the limits, and the outcome is "
        "inconclusive where a limit lies within it.",
        "value",
        ON_INTERVAL,
    )
    group = GroupName("The group that must keep them, by a value for its name or for both; all rows where left out.")
    preset = Name("A list of requirements by its name, in place of metric, min and max.")


class ComparedDemand(Demand):
    """One of the requirements of a comparison."""

    min_difference = Number(
        "In place of min and max: by how much a candidate must at least be better than the reference; below 0 it may "
        "be worse by that."
    )


class Requirements(Field):
    """Requirements, at least one."""

    demand: ClassVar[type[Demand]] = Demand

    def read(self, value: Any) -> list[dict[str, Any]]:
        return demands_of(value.objects if isinstance(value, Faulty) else value, self.demand)

    def openapi(self) -> OpenAPI:
        properties = {
            name: {**field.metadata, **cast(Field, field).openapi()} for name, field in self.demand().fields.items()
        }
        items = {"type": "object", "properties": properties, "additionalProperties": False}
        return {"type": "array", "items": items, "minItems": 1, "maxItems": MOST_REQUIREMENTS}


class ComparedRequirements(Requirements):
    """Requirements of candidates, at least one."""

    demand = ComparedDemand


def demands_of(objects: Any, schema: type[Demand] = Demand) -> list[dict[str, Any]]:
    """The requirements of a list of objects, each with fields that fit together."""
    if not isinstance(objects, list):
        raise complaint('Not an array of objects like {"metric": "accuracy", "min": 0.8}.', "bad-option")
    if not objects:
        raise complaint("Must hold at least one requirement.", "bad-option")
    if len(objects) > MOST_REQUIREMENTS:
        raise complaint(f"More than {MOST_REQUIREMENTS} requirements.", "limit-exceeded")
    return gathered(objects, lambda one: [demanded(one, schema)])


def gathered(items: Iterable[Any], read: Callable[[Any], list[Any]]) -> list[Any]:
    """What is read of each item. Refuses those that are refused, by their places."""
    errors: dict[str | int, Any] = {}
    found: list[Any] = []
    for place, item in enumerate(items):
        try:
            found += read(item)
        except ValidationError as error:
            errors[place] = error.messages
    if errors:
        raise ValidationError(errors)
    return found


def demanded(one: Any, schema: type[Demand]) -> dict[str, Any]:
    """A requirement whose fields fit together."""
    if not isinstance(one, dict):
        raise complaint("Not an object.", "bad-option")
    demand: dict[str, Any] = schema().load(one)
    limits = demand.keys() & {"min", "max", "min_difference"}
    if "preset" in demand:
        if limits or "metric" in demand:
            raise wrong("preset", "A preset says all itself. Leave out metric and limits.")
    elif "metric" not in demand:
        raise wrong("metric", "Neither a metric nor a preset. Send one of them.")
    elif not limits:
        raise wrong("metric", "Neither min nor max. Send at least one.")
    elif "min_difference" in limits and "group" in demand:
        raise wrong("group", "Differences are of all rows. Leave out one of the two.")
    elif "min_difference" in limits and len(limits) > 1:
        raise wrong("min_difference", "A limit of the difference. Send min and max in a requirement of their own.")
    elif len(limits) > 1 and demand["min"] > demand["max"]:
        raise wrong("min", "Larger than max: no value passes.")
    return demand


def wrong(field: str, text: str) -> ValidationError:
    """The refusal of a field of a requirement."""
    return ValidationError({field: [Complaint(text, "bad-option")]})


def required(
    demands: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, Metric],
    presets: Mapping[str, tuple[Requirement, ...]],
    partitions: Sequence[Partition] = (),
    *,
    intervals: bool,
) -> tuple[Requirement, ...]:
    """The requirements of a request whose report holds these metrics. Refuses those that no report can decide."""

    def read(demand: Mapping[str, Any]) -> list[Requirement]:
        group = group_of(demand, partitions)
        return [each._replace(group=group) for each in resolved(demand, metrics, presets, intervals=intervals)]

    try:
        return tuple(gathered(demands, read))
    except ValidationError as error:
        raise ValidationError({"requirements": error.messages}) from None


def group_of(demand: Mapping[str, Any], partitions: Sequence[Partition]) -> Mapping[str, Label] | None:
    """The group that is to keep a requirement, as the report names it; None where all rows are."""
    wanted = demand.get("group")
    if wanted is None:
        return None
    by = next((partition for partition in partitions if {*partition.by} == wanted.keys()), None)
    if by is None:
        raise wrong("group", "The rows are not grouped by this name, or these: `groups` and `cross` say by which.")
    for group in by.named:
        if all(group[name] == value and type(group[name]) is type(value) for name, value in wanted.items()):
            return group
    raise wrong("group", "No row that counts is of this group.")


def resolved(
    demand: Mapping[str, Any],
    metrics: Mapping[str, Metric],
    presets: Mapping[str, tuple[Requirement, ...]],
    *,
    intervals: bool,
) -> list[Requirement]:
    """The requirements that one of a request stands for."""
    on_interval = demand.get("decide_on") == ON_INTERVAL
    if on_interval and not intervals:
        raise wrong("decide_on", "The request asks for no intervals.")
    if "preset" in demand:
        name = demand["preset"]
        if name not in presets:
            known = f"Those of this service are {', '.join(sorted(presets))}." if presets else "This service has none."
            raise wrong("preset", f"There is no such preset.{nearest(name, presets)} {known}")
        missing = [each.metric for each in presets[name] if each.metric not in metrics]
        if missing:
            raise wrong("preset", f"It requires {', '.join(missing)}, which is not among the metrics of this report.")
        return [each._replace(preset=name, on_interval=on_interval or each.on_interval) for each in presets[name]]
    low, high = demand.get("min"), demand.get("max")
    metric = metrics.get(demand["metric"])
    if metric is None:
        close = nearest(demand["metric"], metrics)
        raise wrong("metric", f"Not among the metrics of this report.{close} GET /v1/metrics lists those of each task.")
    if "min_difference" in demand and not metric.towards:
        raise wrong("min_difference", "Neither more nor less of this metric is better.")
    beyond = {"min": low is not None and low > metric.high, "max": high is not None and high < metric.low}
    for field in filter(beyond.get, beyond):
        raise wrong(field, f"No value passes: {metric.name} lies from {metric.low:.4g} to {metric.high:.4g}.")
    return [requirement(demand)]


def presets_of(lists: Any) -> dict[str, tuple[Requirement, ...]]:
    """The presets of an object of lists of requirements, by name."""
    if not isinstance(lists, dict):
        raise complaint("Not an object of lists of requirements.")
    presets: dict[str, tuple[Requirement, ...]] = {}
    for name, objects in lists.items():
        try:
            demands = demands_of(objects)
        except ValidationError as error:
            raise ValidationError({name: error.messages}) from None
        if any("preset" in demand for demand in demands):
            raise ValidationError({name: [Complaint("A preset holds no presets.")]})
        if any("group" in demand for demand in demands):
            raise ValidationError({name: [Complaint("A preset names no groups: the request does.")]})
        presets[name] = tuple(requirement(demand) for demand in demands)
    return presets


def requirement(demand: Mapping[str, Any]) -> Requirement:
    """A requirement of a metric."""
    on_interval = demand.get("decide_on") == ON_INTERVAL
    low, difference = demand.get("min"), demand.get("min_difference")
    return Requirement(demand["metric"], low, demand.get("max"), on_interval, min_difference=difference)
