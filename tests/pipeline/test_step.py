import json

import pytest

from rarecase.checksums import record_files
from rarecase.files import partial_path
from rarecase.pipeline.resolve import resolve
from rarecase.pipeline.step import CHECKPOINTS, Context, Step, discard_bulky, perform, unfinished


@pytest.fixture
def context(tmp_path):
    return Context(run=tmp_path, settings=resolve(preset="demo"))


def make(context, work, key="k", products=(), name="part/one", inputs=(), **more):
    return Step(name=name, stage="segment", version=1, facts=key, inputs=inputs, work=work,
                context=context, products=products, **more)  # fmt: skip


def write(context, folder):
    (folder / "result.txt").write_text("done")


def test_a_step_is_done_when_its_folder_holds_its_key(context):
    step = make(context, write)
    assert not step.done()
    perform(step)
    assert step.done()
    assert (step.output / "result.txt").read_text() == "done"
    record = json.loads((step.output / "step.json").read_text())
    assert record["key"] == step.key and record["seconds"] >= 0 and record["peak_memory_mb"] > 0
    assert record["versions"]["Python"] and "pandas" in record["versions"]  # what is loaded
    assert not make(context, write, key="other").done()
    assert {p.name for p in step.output.parent.iterdir()} == {"one"}  # nothing left beside


def test_a_done_step_is_not_performed_again(context):
    perform(make(context, write))
    perform(make(context, lambda *_: pytest.fail("performed again")))


def test_another_key_replaces_the_result_only_when_done(context):
    perform(make(context, write))

    def fail(context, folder):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        perform(make(context, fail, key="other"))
    assert make(context, write).done()  # the old result still stands

    def other(context, folder):
        (folder / "new.txt").touch()

    perform(make(context, other, key="other"))
    assert sorted(p.name for p in make(context, write).output.iterdir()) == ["new.txt", "step.json"]


def test_a_killed_step_finds_its_checkpoints_and_another_key_does_not(context):
    seen = []

    def die(context, folder):
        seen.append((folder / CHECKPOINTS / "c").exists())
        (folder / CHECKPOINTS).mkdir(exist_ok=True)
        (folder / CHECKPOINTS / "c").touch()
        raise RuntimeError

    for key in ("k", "k", "other"):
        with pytest.raises(RuntimeError):
            perform(make(context, die, key=key))
    assert seen == [False, True, False]
    perform(make(context, write, key="other"))
    assert not (context.run / "part/one" / CHECKPOINTS).exists()


def test_killed_between_the_last_write_and_the_move(context):
    step = make(context, write)
    perform(step)
    step.output.rename(partial_path(step.output))
    step.output.with_name("one.key").write_text(step.intent())
    perform(make(context, lambda *_: pytest.fail("performed again")))
    assert step.done()


def test_half_written_results_of_a_killed_attempt_are_cleared(context):
    def die(context, folder):
        (folder / "store.zarr").mkdir()  # refuses to be made twice, as a feature store does
        (folder / "half.csv").touch()
        raise RuntimeError

    for _ in range(2):
        with pytest.raises(RuntimeError):
            perform(make(context, die))
    perform(make(context, write))
    assert sorted(p.name for p in make(context, write).output.iterdir()) == [
        "result.txt",
        "step.json",
    ]


def test_missing_products_make_a_step_undone(context):
    def produce(context, folder):
        write(context, folder)
        (context.run / "elsewhere.txt").touch()
        record_files(context.run, ["elsewhere.txt"], step="part/one")

    step = make(context, produce, products=("elsewhere.txt",))
    perform(step)
    assert step.done()
    (context.run / "elsewhere.txt").unlink()
    assert not step.done()


def test_a_key_is_of_facts_version_and_inputs_and_not_of_the_fold(context):
    def key(**changes):
        return make(context, write, **changes).key

    first = make(context, write, name="repeat-0/fold-0/one")
    assert first.key == key(name="repeat-0/fold-7/one") != key(name="repeat-0/fold-0/two")
    assert key() != key(key="other")
    assert key() != key(inputs=(first,)) != key(inputs=(make(context, write, key="other"),))
    assert Step(**{**vars(make(context, write)), "version": 2}).key != key()


def test_parts_that_may_go_are_made_anew_for_who_reads_them(context):
    def store(context, folder):
        (folder / "big").mkdir()
        (folder / "big" / "x").touch()

    of = make(context, store, name="store", bulky=("big",), remake=store)
    reader = make(context, write, name="reader", inputs=(of,), reads=("store",))
    for step in (of, reader):
        perform(step)
    discard_bulky([of, reader])
    assert of.done() and not of.whole() and unfinished([of, reader]) == []
    again = make(context, write, key="other", name="reader", inputs=(of,), reads=("store",))
    assert unfinished([of, again]) == [of, again]
    discard_bulky([of, again])
    perform(of)
    assert of.whole()
