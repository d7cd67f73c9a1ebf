"""Benchmarks of what the toolkit does, as ratios within one run: `invoke bench`; docs/benchmarks.md explains them."""
