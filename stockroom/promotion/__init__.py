"""Promotion: taking a tested release, unchanged, into an environment's account. docs/promotion.md shows the path."""
