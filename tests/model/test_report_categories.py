"""What the page says of a classifier, where there is one."""

import dataclasses

from test_report import labelled, written

from model.report.confusion import confusion_figure
from model.report.figures import png

EVIL = '"><script>alert(1)</script>$x^{'
ROW = {"frames": 1200, "clips": 3, "precision": 0.75, "recall": None, "auroc": 0.912}
CLASSIFIER = {
    "kind": "forest",
    "measured_on": "out-of-fold predictions of 6 clips",
    **{"frames": 1200, "clips": 6, "frame_auroc": 0.934, "brier": 0.1, "calibration_error": 0.06, "accuracy": 0.8},
    **{"ranges": 7, "ranges_right": 5, "classes": ["normal", EVIL], "confusion": [[900, 30], [20, 250]]},
    "categories": [{"name": "normal", **ROW}, {"name": EVIL, **ROW}],
}


def test_categories_have_a_table_and_a_confusion_matrix(tmp_path):
    report = labelled()
    plain = written(tmp_path, report)
    page = written(tmp_path, dataclasses.replace(report, measures=report.measures | {"classifier": CLASSIFIER}))
    assert "Categories" not in plain.text
    assert page.tags.count("img") == plain.tags.count("img") + 1
    for words in (
        "(forest)",
        "out-of-fold predictions of 6 clips",
        "1,200",
        "0.934",
        "gave 5 their right name",
        "proves nothing",
        "–",
    ):
        assert words in page.text
    assert EVIL in page.text
    assert "script" not in page.tags


def test_a_confusion_matrix_shows_every_count():
    figure = confusion_figure(CLASSIFIER["classes"], CLASSIFIER["confusion"])
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["20", "250", "30", "900"]
    assert png(figure).startswith(b"\x89PNG")  # names are no formulas
