"""What reports of a ranking hold."""

from service.metrics import (
    curves,
    denominators,
    ranking,
    sections,
)
from service.metrics.ranking_intervals import influence_of_queries, of_queries
from service.metrics.ranking_states import QueryLabels, RankedRows
from service.metrics.row import (
    Row,
    Task,
    share,
    with_curves,
    with_intervals,
    with_metadata,
)
from service.metrics.states import LabelState

NO_RELEVANT = "no_relevant_documents"

RANKING = Task(
    "ranking",
    {LabelState: QueryLabels},
    (
        Row(sections.task),
        Row(sections.samples),
        Row(ranking.total_weight),
        Row(sections.effective_samples),
        Row(sections.confidence_level, when=with_intervals),
        Row(ranking.queries),
        Row(ranking.queries_without_relevant),
        Row(ranking.k),
        *(
            share(
                function,
                of_queries(ranking.AT_RANK[name]),
                NO_RELEVANT,
                title=f"{name}_at_{{k}}",
                each=("k", "k"),
                influence=influence_of_queries(ranking.AT_RANK[name]),
            )
            for name, function in (
                ("ndcg", ranking.ndcg),
                ("precision", ranking.precision),
                ("recall", ranking.recall),
                ("hit_rate", ranking.hit_rate),
                ("map", ranking.average_precision),
            )
        ),
        share(
            ranking.mrr,
            of_queries(RankedRows.reciprocal_rank),
            NO_RELEVANT,
            influence=influence_of_queries(RankedRows.reciprocal_rank),
        ),
        Row(ranking.per_query, when=ranking.with_queries),
        Row(curves.gain_by_rank, "curves", with_curves, (NO_RELEVANT,)),
        Row(sections.metadata, when=with_metadata),
    ),
    denominators={NO_RELEVANT: denominators.judged_queries},
)
