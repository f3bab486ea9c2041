"""A whole study from Python, on a simulated cohort whose classes look alike on purpose.

With separability 0 the label has nothing to do with the image: whatever a study finds here is
chance. Takes about two minutes on two cores.

    python examples/study_from_python.py RUN
"""

import sys

from rarecase import Study

result = Study(
    out=sys.argv[1],
    preset="demo",
    settings={"simulation.separability": 0.0, "pretrain.patients": {"HGG": 8, "LGG": 8}},
).run()
assert result.evidence is not None
print(result.evidence["headline"]["sentence"])
print(result.report)
