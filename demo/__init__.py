"""The story of a bad bulk edit, on real images."""
