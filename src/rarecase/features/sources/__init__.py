"""Sources of features: what they may look at, what they learn, what they write."""
