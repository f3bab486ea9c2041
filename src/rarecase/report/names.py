"""Names of the files in a run's folders that a report reads, beside those of the folders."""

from rarecase.pipeline.run_folder import COHORT, EXTERNAL, MODEL, REPORT

COHORT_TABLE, COHORT_FACTS = f"{COHORT}/cohort.csv", f"{COHORT}/cohort.json"
HISTORY, VOLUMES, ROWS, CARD = "history.csv", "volumes.csv", "rows.parquet", "model.json"
GENERATOR, KEPT, FIDELITY_TABLE = "generator.json", "filter.csv", "fidelity.csv"
SHOWN, SHOWN_ARRAYS = "shown.json", "shown.npz"
OTHER_COHORT, PARTIAL = "external.json", ".partial"
APART = (REPORT.split("/")[0], MODEL, EXTERNAL)
"""What is made of a run that is there, and is no part of what it cost."""
