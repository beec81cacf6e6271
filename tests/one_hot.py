"""A binary classifier with a two-unit softmax, the case that naive counting gets wrong.

Of 5,910 rows 794 are wrong. Counting both columns gives 0.8657 for accuracy, precision and recall alike; of the
positive class they differ, since more positives than negatives are missed.
"""

from random import Random

NEGATIVES, POSITIVES = 3546, 2364
FALSE_POSITIVES, FALSE_NEGATIVES = 200, 594


def one_hot(seed: int = 5910) -> dict[str, list[list[float]]]:
    """The request: one-hot labels, and rows of probabilities with three decimals that sum to 1."""
    random = Random(seed)
    truths_and_calls = (
        [(0, 0)] * (NEGATIVES - FALSE_POSITIVES)
        + [(0, 1)] * FALSE_POSITIVES
        + [(1, 0)] * FALSE_NEGATIVES
        + [(1, 1)] * (POSITIVES - FALSE_NEGATIVES)
    )
    random.shuffle(truths_and_calls)
    likely = [random.randint(501, 999) for _ in truths_and_calls]
    positive = [sure if call else 1000 - sure for sure, (_, call) in zip(likely, truths_and_calls, strict=True)]
    return {
        "labels": [[1 - truth, truth] for truth, _ in truths_and_calls],
        "scores": [[(1000 - part) / 1000, part / 1000] for part in positive],
    }
