"""DeLong's variance of an area under the ROC curve against figures that other programs printed.

Scores and the same scores turned about have areas that add up to one, of one variance, whose covariance is its
negative. So their comparison tells the area of the scores and its variance.
"""

from http import HTTPStatus
from statistics import NormalDist

import numpy as np
import pytest

from service import media
from service.app import create_app
from service.settings import Settings

CLIENT = create_app(Settings()).test_client()


def area_and_error(truth: np.ndarray, scores: np.ndarray, *, paired: bool) -> tuple[float, float]:
    """The area under the ROC curve of scores, and its standard error, from a comparison with them turned about."""
    candidates = {"a": {"scores": (1 - scores).tolist()}, "b": {"scores": scores.tolist()}}
    labels = {"labels": truth.tolist()}
    sides = candidates if paired else {name: labels | side for name, side in candidates.items()}
    body = (labels if paired else {}) | {"candidates": sides, "reference": "a", "metrics": ["roc_auc"]}
    answer = CLIENT.post("/v1/binary/compare", data=media.encode(body), content_type=media.JSON)
    assert answer.status_code == HTTPStatus.OK, answer.text
    found = answer.get_json()["differences"][0]
    assert found["tests"][0]["name"] == "delong"
    error = found["difference"] / found["tests"][0]["statistic"]
    return (1 + found["difference"]) / 2, error / (2 if paired else 2**0.5)


def seed_one_of_r(uniforms: int) -> np.ndarray:
    """The first numbers of `runif` in R after `set.seed(1)`: a Mersenne Twister filled by a congruential generator."""
    words, word = [], 1
    for _ in range(50 + 1 + 624):
        word = (69069 * word + 1) % 2**32
        words.append(word)
    twister = np.random.RandomState()
    twister.set_state(("MT19937", np.array(words[-624:], dtype=np.uint32), 624))
    return twister.randint(2**32, size=uniforms, dtype=np.uint32) * 2.3283064365386963e-10


@pytest.mark.parametrize("paired", [True, False])
def test_area_and_its_variance_are_those_of_proc(paired):
    """github.com/xrobin/pROC/issues/61: set.seed(1), 100 uniform scores, labels that are drawn, a 95 % interval."""
    scores, drawn = seed_one_of_r(200).reshape(2, 100)
    truth = drawn >= 0.5
    assert scores[~truth].mean() == pytest.approx(0.538855, abs=5e-7)  # as printed there
    assert scores[truth].mean() == pytest.approx(0.4999514, abs=5e-8)
    area, error = area_and_error(truth, 1 - scores, paired=paired)
    width = NormalDist().inv_cdf(0.975) * error
    assert (round(area - width, 4), round(area + width, 4)) == (0.4286, 0.6575)


@pytest.mark.parametrize("paired", [True, False])
def test_area_and_its_variance_are_those_of_sun_and_xu(paired):
    """stackoverflow.com/a/53180614: nine rows, by the fast algorithm of Sun and Xu (2014)."""
    truth = np.array([0, 1, 0, 0, 1, 1, 0, 1, 0])
    scores = np.array([0.21, 0.32, 0.63, 0.35, 0.92, 0.79, 0.82, 0.99, 0.04])
    area, error = area_and_error(truth, scores, paired=paired)
    assert area == pytest.approx(0.8, abs=1e-15)
    assert error**2 == pytest.approx(0.028749999999999998, rel=1e-12)
