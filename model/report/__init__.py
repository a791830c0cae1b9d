"""The self-contained HTML report and the overlay video."""
