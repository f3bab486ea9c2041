"""Names of files in a run folder, as the steps of a run write them."""

COHORT, SLICES, PICTURES, PRETRAIN, EXTERNAL = (
    "cohort", "slices", "pictures", "pretrain", "external",
)  # fmt: skip
COHORT_TABLE, COHORT_FACTS = f"{COHORT}/cohort.csv", f"{COHORT}/cohort.json"
SETTINGS, EVIDENCE = "study.yaml", "evidence.json"
SEGMENTER, SYNTHETIC, FIDELITY = "segmenter", "synthetic", "fidelity"  # below a fold
HISTORY, VOLUMES, ROWS, CARD = "history.csv", "volumes.csv", "rows.parquet", "model.json"
GENERATOR, KEPT, FIDELITY_TABLE = "generator.json", "filter.csv", "fidelity.csv"
SHOWN, SHOWN_ARRAYS = "shown.json", "shown.npz"
RECORD, PARTIAL = "step.json", ".partial"
OTHER_COHORT = "external.json"
APART = ("report", "model", EXTERNAL)
"""What is made of a run that is there, and is no part of what it cost."""
