"""The table of what classifiers name."""

from pipelines.bench import categories


def test_the_table_has_a_line_for_every_category_and_a_column_for_every_head():
    rows = [{"name": "normal", "auroc": 0.9}, {"name": "cart", "auroc": 0.95}]
    found = {"frame_auroc": 0.96, "categories": rows, "ranges_right": 2, "ranges": 3, "calibration_error": 0.04}
    head, *lines = categories.lines({"logistic": found, "forest": {**found, "ranges_right": 1}})
    assert head.split() == ["logistic", "forest"]
    assert [line.split() for line in lines] == [
        ["anomalous,", "frame", "AUROC", "0.960", "0.960"],
        ["cart", "0.950", "0.950"],
        ["passes", "named", "rightly", "2", "of", "3", "1", "of", "3"],
        ["calibration", "error", "0.040", "0.040"],
    ]
