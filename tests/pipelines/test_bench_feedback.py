"""The table of what a mark changes, of verdicts that are made up."""

from model.decision import Threshold
from pipelines.bench import feedback
from pipelines.bench.feedback import Verdict

COUNTS = {"cart": 8, feedback.SHORT_CUT: 9}


def test_the_table_holds_what_came_against_what_was_promised():
    before = [Verdict(Threshold(2.0, 20.0, 90.0), n, {"cart": 8, feedback.SHORT_CUT: 9}) for n in (30, 31)]
    after = [Verdict(Threshold(2.1, 20.0, 90.0), n, {"cart": 7, feedback.SHORT_CUT: 1}) for n in (60, 29)]
    rows = [line.split() for line in feedback.lines(20, COUNTS, 0.4, before, after)]
    assert rows == [
        ["2", "networks", "before", "20", "marks"],
        ["short", "cut", "(normal", "now)", "18", "of", "18", "2", "of", "18"],
        ["cart", "16", "of", "16", "14", "of", "16"],
        ["network", "0:", "false", "alarms", "75", "an", "hour", "150", "an", "hour"],
        ["promised", "20", "to", "90", "20", "to", "90"],
        ["agree", "yes", "no"],
        ["threshold", "2.00", "2.10"],
        ["network", "1:", "false", "alarms", "78", "an", "hour", "72", "an", "hour"],
        ["promised", "20", "to", "90", "20", "to", "90"],
        ["agree", "yes", "yes"],
        ["threshold", "2.00", "2.10"],
    ]
