"""Fidelity, diversity and memorisation of synthetic samples."""
