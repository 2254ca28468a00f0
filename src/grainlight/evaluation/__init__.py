"""Metrics, classical baselines, degraded copies of full maps, and the tables that compare methods on them."""
