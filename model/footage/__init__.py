"""Footage in every layout that is understood."""
