"""What other packages need to test a backend of their own. Needs pytest."""
