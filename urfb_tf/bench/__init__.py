"""Benchmarks: time and memory of what the package does, side by side with what else a user would take."""
