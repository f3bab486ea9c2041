"""The deployed model: its final fit, prediction, export, card, out-of-distribution score."""
