"""What the tests, the demo and the benchmarks stand on."""
