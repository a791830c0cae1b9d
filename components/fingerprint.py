"""A fingerprint of the source's content, for the cache: what follows is done again only when it changed."""

from pathlib import Path

from kfp import dsl

from components.fetch import source_fingerprint
from components.ingest import WALKWAY
from components.step import step
from model.atomic import write_text
from model.footage import feedback as marked


def fingerprint(
    source: str,
    feedback: str,
    endpoint: str,
    region: str,
    value: dsl.OutputPath(str),  # type: ignore[valid-type]
) -> None:
    """Never from the cache itself: it lists the source anew in every run."""
    from components.fingerprint import write_fingerprint

    write_fingerprint(source, feedback, endpoint, region, value)


def write_fingerprint(source: str, feedback: str, endpoint: str, region: str, output: str) -> None:
    """Writes it as text."""
    with step("fingerprint", output) as progress:
        found = fingerprint_of(source, feedback, endpoint, region)
        write_text(Path(output), found)
        progress(found[:12])


def fingerprint_of(source: str, feedback: str, endpoint: str, region: str) -> str:
    """Of a source and of the footage that a feedback file (its text, or "") marks.

    Raises:
        BadInput: one of them is not there, or cannot be reached.
    """
    own = WALKWAY if source == WALKWAY else source_fingerprint(source, endpoint, region)
    others = sorted({mark.source for mark in marked.parse(feedback)})
    return "+".join([own, *(source_fingerprint(other, "", "") for other in others)])
