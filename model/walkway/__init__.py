"""The built-in synthetic footage: a campus walkway."""
