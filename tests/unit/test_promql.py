"""The little that the tests understand of PromQL."""

from promql import Selector, grouping_labels, selectors


def test_metrics_are_told_from_functions_words_and_labels():
    expression = (
        "histogram_quantile(0.95, sum by (service, le) (rate(a_bucket[5m]))) > 0 or "
        'c:b:sum{service=~"x|y", outcome!="dead"} unless c:b:sum offset 15m'
    )
    assert set(selectors(expression)) == {
        Selector("a_bucket", frozenset()),
        Selector("c:b:sum", frozenset({"service", "outcome"})),
        Selector("c:b:sum", frozenset()),
    }


def test_labels_that_series_are_added_up_by_are_found():
    assert grouping_labels('max by (agency, step) (a{b="by (c)"})') == {"agency", "step"}
