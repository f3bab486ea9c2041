"""The simulated glioma cohort: the demo's data and the stand-in for BraTS pre-training."""

from rarecase._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "SimulatedPatient": "rarecase.simulate.patient",
        "simulate_cohort": "rarecase.simulate.cohort",
        "simulate_patient": "rarecase.simulate.patient",
        "simulate_varied": "rarecase.simulate.varied",
    },
)
