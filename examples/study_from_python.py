"""A whole study from Python, on a simulated cohort whose classes look alike on purpose.

With separability 0 the label has nothing to do with the image: whatever a study finds here is
chance. Takes about two minutes on two cores.

    python examples/study_from_python.py RUN
"""

import sys

from rarecase import Study

study = Study(
    out=sys.argv[1],
    preset="demo",
    settings={"simulation.separability": 0.0, "pretrain.patients": {"HGG": 8, "LGG": 8}},
    short={"features": ["tumour"], "classifier": ["logistic"], "arms": ["threshold", "smote"]},
)
print(study.grid)  # what will be fitted, cell by cell: .to_frame()
finished = study.run()
print(finished.result)  # the table, and a sentence for each verdict
print(finished.report)
