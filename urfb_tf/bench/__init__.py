"""Benchmarks: time and memory of what the package does, side by side in one process."""
