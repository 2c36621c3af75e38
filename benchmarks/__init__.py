"""Reproducible measurements, given as ratios of readings taken in one run."""
