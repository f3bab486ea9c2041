"""A run that goes on keeps its precision."""

from rarecase import Study, compute
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.settings import ComputeSettings


def test_a_run_that_goes_on_keeps_its_precision(monkeypatch, tiny, tmp_path):
    monkeypatch.setattr(compute, "half_speed", lambda: 9.0)
    tiny = {**tiny, "compute.precision": "auto"}
    study = Study(out=tmp_path / "run", settings=tiny)
    assert study.settings.compute.precision == "bf16-mixed"
    study.run(until="segment")
    monkeypatch.setattr(compute, "half_speed", lambda: 0.1)
    again = Study(out=tmp_path / "run", settings=tiny)
    assert again.settings.compute.precision == "bf16-mixed"
    assert all(step.done() for step in again.plan(until="segment"))
    other = Study(out=tmp_path / "run", settings={**tiny, "compute.precision": "32-true"})
    assert other.settings.compute.precision == "32-true"


def test_small_networks_are_exact_whatever_is_set():
    chosen = ComputeSettings(device="cpu", precision="bf16-mixed", compile=True)
    fabric = make_fabric(chosen, exact=True)
    assert fabric._precision.precision == "32-true"
    assert type(fabric) is not compute.CompilingFabric
