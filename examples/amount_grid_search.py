"""How much synthetic data? A grid search over the amount, within a pipeline.

python examples/amount_grid_search.py
"""

import numpy as np
from imblearn.pipeline import Pipeline
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from rarecase.generators import Gaussian

rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(0, 1, (160, 8)), rng.normal(0.7, 1, (24, 8))])
y = np.array(["common"] * 160 + ["rare"] * 24)
patients = np.array([f"patient {i // 2}" for i in range(184)])  # two rows each

pipeline = Pipeline(
    [
        ("scale", StandardScaler()),
        ("synthesise", Gaussian(random_state=0)),  # in training folds alone: it is a sampler
        ("classify", LogisticRegression(max_iter=1000)),
    ]
)
search = GridSearchCV(
    pipeline,
    # Rare samples after it, as a share of the common ones: 0.15 is hardly any, 1 as many.
    {"synthesise__sampling_strategy": [0.2, 0.4, 0.7, 1.0], "classify__C": [0.01, 0.1, 1.0]},
    scoring="balanced_accuracy",
    cv=StratifiedGroupKFold(5, shuffle=True, random_state=0),
)
search.fit(X, y, groups=patients)
print("best:", search.best_params_, f"balanced accuracy {search.best_score_:.2f}")
