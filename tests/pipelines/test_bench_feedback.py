"""The table of what a mark changes, of verdicts that are made up."""

from model.decision import Threshold
from pipelines.bench import feedback
from pipelines.bench.feedback import Verdict

COUNTS = {"cart": 8, feedback.SHORT_CUT: 9}


def test_the_table_holds_what_came_against_what_was_promised():
    before = Verdict(Threshold(2.0, 20.0, 90.0), 30, {"cart": 8, feedback.SHORT_CUT: 9})
    after = Verdict(Threshold(2.1, 20.0, 90.0), 60, {"cart": 7, feedback.SHORT_CUT: 1})
    rows = [line.split() for line in feedback.lines(10, COUNTS, 0.4, before, after)]
    assert rows == [
        ["before", "10", "marks"],
        ["short", "cut", "(normal", "now)", "9", "of", "9", "1", "of", "9"],
        ["cart", "8", "of", "8", "7", "of", "8"],
        ["other", "false", "alarms", "75", "an", "hour", "150", "an", "hour"],
        ["promised", "20", "to", "90", "20", "to", "90"],
        ["agree", "yes", "no"],
        ["threshold", "2.00", "2.10"],
    ]
