"""Benchmarks: what snapshots cost, beside what FiftyOne itself costs, in the same run."""
