"""Everything that works without the App."""
