"""The self-contained HTML report and the overlay video."""

from model.report.content import Report, Strip
from model.report.page import write_report

__all__ = ["Report", "Strip", "write_report"]
