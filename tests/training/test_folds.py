"""Folds by site: no site on both sides, intervals that hold the value, precision at the shipped margin."""

import warnings

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `train`: torch is not installed")
pytest.importorskip("ultralytics", reason="training needs the extra `train`: ultralytics is not installed")
pytest.importorskip("onnx", reason="training needs the extra `train`: onnx is not installed")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing torch and ultralytics warns of their own parts
    from kitchenvision.rules.registry import all_rules
    from training.build import DataError
    from training.folds import FOLDS, accused, fold_of, interval
    from training.measures import average_precision, precision_at

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


def test_each_site_has_one_fold_and_folds_are_about_equal() -> None:
    sites = [f"site{i}" for i in range(30) for _ in range(1 + i % 5)]
    placed = fold_of(sites, FOLDS, 1)
    filled = [sum(placed[site] == fold for site in sites) for fold in range(FOLDS)]
    assert set(placed) == set(sites)
    assert max(filled) - min(filled) <= 5
    assert fold_of(sites, FOLDS, 1) == placed


def test_too_few_sites_are_named() -> None:
    with pytest.raises(DataError, match="cooks of 2 sites"):
        fold_of(["a", "a", "b"], 3, 1)


def test_average_precision_is_one_for_a_perfect_order_and_a_share_for_a_poor_one() -> None:
    truth = np.array([True, True, False, False])
    assert average_precision(np.array([0.9, 0.8, 0.2, 0.1]), truth) == 1
    assert average_precision(np.array([0.1, 0.2, 0.8, 0.9]), truth) == pytest.approx((1 / 3 + 2 / 4) / 2)


def test_precision_at_a_recall_counts_what_stands_above_the_last_one_needed() -> None:
    truth = np.array([True, False, True, True, True, True])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert precision_at(0.2, scores, truth) == 1
    assert precision_at(0.6, scores, truth) == pytest.approx(3 / 4)
    assert np.isnan(precision_at(0.6, scores[:2], np.array([False, False])))


def test_an_interval_holds_the_mean_and_narrows_with_more_sites() -> None:
    rng = np.random.default_rng(0)

    def width(count: int) -> float:
        values = rng.random(4 * count)
        sites = np.repeat(np.arange(count), 4)
        low, high = interval(np.arange(4 * count), sites, lambda rows: float(values[rows].mean()), 1)
        assert low <= values.mean() <= high
        return high - low

    assert width(200) < width(10)


def test_a_look_accuses_only_beyond_the_margin_and_without_doubt() -> None:
    given = all_rules()["no_hat"].defaults
    least = 0.5 + given.min_margin
    chances = np.array(
        [
            [1 - least - 0.01, least + 0.01, 0.0],
            [1 - least + 0.02, least - 0.02, 0.0],
            [0.0, 1 - given.max_doubt - 0.05, given.max_doubt + 0.05],
        ]
    )
    assert accused("no_hat", chances, {}).tolist() == [True, False, False]


def test_a_model_that_asks_to_be_surer_accuses_less() -> None:
    given = all_rules()["no_hat"].defaults
    chances = np.array([[0.01, 0.5 + given.min_margin + 0.005, 0.0], [0.0, 0.999, 0.0]])
    assert accused("no_hat", chances, {}).tolist() == [True, True]
    assert accused("no_hat", chances, {"no_hat": {"min_margin": 0.495}}).tolist() == [False, True]
