"""The ACGAN on any features: here a table made up here of two classes, one of them rare.

python examples/acgan_on_a_table.py
"""

import numpy as np

from rarecase import ACGAN

rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(0, 1, (200, 6)), rng.normal(1, 1, (20, 6))]).astype(np.float32)
y = np.array(["common"] * 200 + ["rare"] * 20)
patients = np.array([f"patient {i // 2}" for i in range(220)])

gan = ACGAN(hidden=(128, 64), epochs=60, batch_size=32).fit(X, y, groups=patients)
X_new, y_new = gan.sample({"rare": 100})
print(f"generated {len(X_new)} samples of class {y_new[0]}")
print("real mean:     ", X[y == "rare"].mean(axis=0).round(2))
print("synthetic mean:", X_new.mean(axis=0).round(2))
# Hardly any disagreement, whatever the means say: the paper's filter is no test of quality.
right = gan.agreement(X_new, y_new).mean()
print(f"the discriminator calls the class of {right:.0%} of them right")

X_res, y_res = ACGAN(hidden=(128, 64), epochs=60, batch_size=32).fit_resample(X, y)
print("after fit_resample:", {name: int((y_res == name).sum()) for name in ("common", "rare")})
