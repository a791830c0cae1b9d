"""The page: complete, self-contained, safe, and kind where there is nothing to show."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.clips import LabelRange, frame_labels
from model.decision import Event
from model.report import Report, Strip, write_report
from model.report.content import EventFilm
from model.report.film import still
from model.report.verdict import cards, comparison, number, pasted, verdict
from model.scores import ClipScores, ScoredClip

FRAMES, WARM_UP, THRESHOLD = 40, 4, 2.0
VOID = {"meta", "img", "br"}


def scored(
    name: str, split: Any = "test", labels: tuple[LabelRange, ...] | None = None, peak: float = 3.0
) -> ScoredClip:
    anomalous = frame_labels(labels or (), FRAMES)
    scores = (1 + 0.2 * np.sin(np.arange(FRAMES)) + anomalous * (peak - 1)).astype(np.float32)
    scores[:WARM_UP] = np.nan
    series = {"frame_difference": scores * 0.5, "optical_flow": scores * 0.7}
    errors = np.full(FRAMES, 0.001, np.float32)
    result = ClipScores(
        scores, np.nan_to_num(scores) >= THRESHOLD, {"prediction_error": scores}, series, errors, errors * 2
    )
    return ScoredClip(name, split, 10.0, labels, result)


def strip(kind: Any, mask: bool = True) -> Strip:
    picture = np.full((8, 12, 1), 90, np.uint8)
    error = np.zeros((8, 12), np.float32)
    return Strip("Test/a", 12, kind, 3.0, picture, picture, error, np.ones((8, 12), np.uint8) if mask else None)


def labelled() -> Report:
    clips = (scored("Test/a", labels=(LabelRange(10, 19, "golf_cart"),)), scored("Train/b", "holdout"))
    measures = {
        "frame_auroc": 0.9,
        "frame_auroc_macro": 0.8,
        "average_precision": 0.7,
        "eer": 0.1,
        "pixel_auroc": None,
        "false_alarms_per_hour": 2.5,
        "clips": 2,
        "frames": 80,
        "frames_without_score": 8,
        "baselines": {"frame_difference": 0.6, "optical_flow": 0.75, "copy_last_frame_mse": 0.002},
        "model_mse": 0.001,
        "evidence": {"prediction_error": 0.85},
        "threshold": THRESHOLD,
    }
    epoch = {"epoch": 1.0, "loss": 0.1, "validation_loss": 0.2, "validation_mse": 0.001, "copy_last_frame_mse": 0.002}
    strips = (strip("hit"), strip("miss"), strip("false alarm"))
    facts = {"version": "0.1.0"}
    return Report(
        "A run", "gate", "one camera", measures, clips, THRESHOLD, (epoch,), strips, ("Only two minutes.",), facts
    )


def film(kind: Any, name: str = "a-12") -> EventFilm:
    event = Event(name, 12, 14, 20, 16, 4.0, THRESHOLD, {"flow": 1.0, "next_frame": 3.0}, (1, 1, 5, 5), "golf_cart")
    picture, anomaly_map = np.full((8, 12, 1), 90, np.uint8), np.ones((8, 12), np.float32)
    stills = tuple(still(frame, 3.0, picture, anomaly_map, (1, 1, 5, 5)) for frame in (12, 16, 20))
    return EventFilm("Test/a", kind, 10.0, event, stills)


def unlabelled() -> Report:
    report = labelled()
    keys = ("frame_auroc", "frame_auroc_macro", "average_precision", "eer", "pixel_auroc")
    measures = report.measures | dict.fromkeys(keys) | {"evidence": {"prediction_error": None}}
    measures["baselines"] = {"frame_difference": None, "optical_flow": None, "copy_last_frame_mse": 0.002}
    clips = (scored("Train/b", "holdout"),)
    return dataclasses.replace(report, measures=measures, clips=clips, strips=(strip("false alarm", mask=False),))


class Page(HTMLParser):
    """Collects tags, text and everything that a browser would fetch; refuses tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open += [] if tag in VOID else [tag]
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def written(tmp_path: Path, report: Report) -> Page:
    write_report(tmp_path / "report.html", report)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_a_labelled_run_shows_everything_in_order(tmp_path: Path) -> None:
    page = written(tmp_path, labelled())
    # Four panels, ROC, histogram and training are pictures: 2 timelines + 2 + 1 + 3 strips.
    assert page.tags.count("img") == 8
    places = [
        page.text.index(text)
        for text in (
            "the network earns its place",
            "Only two minutes.",
            "Beside methods that learn nothing",
            "Scores over time",
            "golf cart 1.0–2.0 s",
            "What each threshold would buy",
            "Training",
            "Best hits",
            "Misses",
            "Worst false alarms",
            "Facts and settings",
            "0.1.0",
        )
    ]
    assert places == sorted(places)


def test_events_are_shown_by_kind_with_their_times_and_cause(tmp_path: Path) -> None:
    report = labelled()
    categories = {"golf_cart": {"frame_auroc": 0.75, "marked": 3, "found": 2, "event_recall": 2 / 3}}
    films = (film("hit"), film("false alarm", "b-3"))
    page = written(
        tmp_path, dataclasses.replace(report, films=films, measures=report.measures | {"categories": categories})
    )
    assert page.tags.count("img") == 8 + 2
    said = ("Events", "Right", "a-12", "1.2–2.1 s", "next frame", "golf cart", "False alarms", "b-3", "2 of 3", "0.75")
    places = [page.text.index("What a guard would hear of")]
    for text in said[1:]:
        places.append(page.text.index(text, places[-1]))
    assert "No event was raised" not in page.text
    assert "No event was raised." in written(tmp_path, report).text


def test_a_threshold_that_goes_with_the_hour_is_drawn(tmp_path: Path) -> None:
    said = "The threshold follows the hour of the day"
    assert said not in written(tmp_path, labelled()).text
    page = written(tmp_path, dataclasses.replace(labelled(), hourly=tuple([2.0] * 12 + [4.0] * 12)))
    assert said in page.text
    assert page.tags.count("img") == 8 + 1


def test_the_page_needs_nothing_beside_it(tmp_path: Path) -> None:
    page = written(tmp_path, labelled())
    assert page.fetched
    assert all(address.startswith("data:image/png;base64,") for address in page.fetched)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "://" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert len(text) < 5_000_000


def test_names_from_outside_are_text_and_nothing_else(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>$x^{'
    report = labelled()
    clips = (scored(evil, labels=(LabelRange(10, 19, evil),)), scored("漢字", "holdout"))
    strips = (dataclasses.replace(strip("hit"), clip=evil),)
    report = dataclasses.replace(
        report, title=evil, camera=evil, subtitle=evil, clips=clips, strips=strips, notes=(evil,), facts={evil: evil}
    )
    page = written(tmp_path, report)
    assert "script" not in page.tags
    assert page.text.count(evil) >= 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strips": ()}, "No frames were picked out"),
        ({"history": ()}, "no training history"),
        ({"clips": ()}, "No clip was scored"),
        ({"strips": (strip("false alarm", mask=False),)}, "Worst false alarms"),
        ({"notes": (), "facts": {}}, "has no labels"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert said in written(tmp_path, dataclasses.replace(unlabelled(), **change)).text


def test_without_labels_no_figure_that_needs_them_is_drawn(tmp_path: Path) -> None:
    page = written(tmp_path, unlabelled())
    assert page.tags.count("img") == 4  # timeline, histogram, training, strip
    assert "labels.csv" in page.text
    assert "An ROC curve" in page.text
    assert "2.5 false alarms an hour" in page.text
    assert "frame AUROC" not in page.text


def test_many_clips_are_cut_to_the_highest_peaks(tmp_path: Path) -> None:
    clips = tuple(scored(f"Test/{peak:03d}", labels=(LabelRange(10, 19, ""),), peak=2.0 + peak) for peak in range(14))
    page = written(tmp_path, dataclasses.replace(labelled(), clips=clips, strips=()))
    assert page.tags.count("img") == 12 + 3
    assert "2 more clips" in page.text
    assert "Test/013" in page.text
    assert "Test/001" not in page.text


def test_a_failed_write_leaves_the_old_page_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_report(path, dataclasses.replace(labelled(), title="half a surrogate \ud800"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("auroc", "said"),
    [
        (0.9, "earns its place"),  # well over optical flow's 0.75
        (0.752, "no real difference"),  # within the tie
        (0.7, "does not yet earn its place"),  # honest where it loses
    ],
)
def test_the_verdict_names_the_best_naive_method(auroc: float, said: str) -> None:
    report = labelled()
    sentence = verdict(report.measures | {"frame_auroc": auroc})
    assert said in sentence
    assert "optical flow" in sentence
    assert "75.0%" in sentence


def test_the_verdict_without_labels_says_when_the_network_predicts_worse() -> None:
    report = unlabelled()
    assert "50% closer" in verdict(report.measures)
    assert "100% further" in verdict(report.measures | {"model_mse": 0.004})


def test_the_comparison_holds_detector_evidence_and_baselines() -> None:
    rows = [(row.name, row.auroc) for row in comparison(labelled().measures)]
    assert rows == [("detector", 0.9), ("prediction error", 0.85), ("frame difference", 0.6), ("optical flow", 0.75)]
    assert comparison(unlabelled().measures) == []


PASTED = {
    "frame_auroc": 0.93,
    "kinds": {"fast": 0.97, "astray": None},
    "evidence": {"prediction_error": 0.88},
    "baselines": {"optical_flow": 0.71},
}


def test_anomalies_pasted_in_stand_in_for_labels(tmp_path: Path) -> None:
    report = unlabelled()
    report = dataclasses.replace(report, measures=report.measures | {"pasted": PASTED})
    page = written(tmp_path, report)
    assert all(word in page.text for word in ("0.930", "0.970", "0.880", "0.710", "2 to 3.5 times the usual speed"))
    assert "nothing to make astray things of" in " ".join(page.text.split())
    assert "93.0%" in verdict(report.measures)
    assert [card.value for card in cards(report)] == ["2.5", "0.930", "−50%"]
    marked = dataclasses.replace(labelled(), measures=labelled().measures | {"pasted": PASTED})
    assert "0.930" not in [card.value for card in cards(marked)]  # real labels say more


def test_without_clips_to_paste_into_the_report_is_silent_about_it() -> None:
    report = dataclasses.replace(unlabelled(), measures=unlabelled().measures | {"pasted": None})
    assert pasted(report.measures) == []
    assert "pasted" not in verdict(report.measures)


@pytest.mark.parametrize(
    ("agrees", "said"), [(True, "; as expected: 0.4 to 9"), (False, "; not as expected: 0.4 to 9")]
)
def test_the_card_of_false_alarms_says_what_was_expected(agrees: bool, said: str) -> None:
    report = labelled()
    promised = {"false_alarm_interval": {"low": 0.4, "high": 9.0}, "false_alarms_within_interval": agrees}
    (card,) = (c for c in cards(dataclasses.replace(report, measures=report.measures | promised)) if "alarms" in c.name)
    assert card.meaning.endswith(said)


def test_cards_of_events() -> None:
    report = labelled()
    found = {
        "events": {"count": 3, "right": 2, "marked": 5, "found": 4, "precision": 2 / 3, "recall": 0.8},
        "delay_seconds": {"mean": 0.9, "median": 0.64},
        "rbdc": 0.5,
    }
    shown = {card.name: card.value for card in cards(dataclasses.replace(report, measures=report.measures | found))}
    assert shown["anomalies found"] == "4 of 5"
    assert shown["right events"] == "2 of 3"
    assert shown["delay"] == "0.6 s"
    assert shown["RBDC"] == "0.500"
    assert "TBDC" not in shown


def test_cards_leave_out_what_is_unknown() -> None:
    assert [card.value for card in cards(labelled())] == ["0.900", "0.700", "0.100", "2.5", "−50%"]  # no pixel AUROC
    assert [card.name for card in cards(unlabelled())] == ["false alarms/h", "prediction error"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (0.0, "0"), (0.00069, "0.00069"), (0.91234, "0.912"), (12345.6, "12,346")],
)
def test_numbers_read_well(value: float | None, text: str) -> None:
    assert number(value) == text
