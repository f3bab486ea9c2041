"""From a preset, a YAML file and single overrides to one set of settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from rarecase.errors import SettingError, nearest
from rarecase.experiment.arm import AUGMENTATION
from rarecase.experiment.arms import REFERENCE, pick_arms
from rarecase.experiment.classifiers.registry import takes_of
from rarecase.features.sources.registry import AMONG, SOURCES, STACK, kind_of, names_in
from rarecase.pipeline.described import known_names
from rarecase.pipeline.designs import candidates_of
from rarecase.pipeline.presets import PRESETS
from rarecase.pipeline.settings import DesignSettings, Settings
from rarecase.pipeline.settings_training import ScratchSettings
from rarecase.pipeline.shortened import shortened
from rarecase.segmenter.initial import ARGUMENTS, NONE, TISSUE, check_initial
from rarecase.yaml_text import dump_yaml, load_yaml, read_mapping

Nested = dict[str, Any]
_SCRATCH = tuple(ScratchSettings.model_fields)


def nest(dotted: Mapping[str, Any]) -> Nested:
    """Dotted names to nested sections.

    >>> nest({"seed": 1, "segmenter.epochs": 3})
    {'seed': 1, 'segmenter': {'epochs': 3}}
    """
    out: Nested = {}
    for name, value in dotted.items():
        for part in reversed(name.split(".")):
            value = {part: value}
        out = merged(out, value)
    return out


def merged(low: Nested, high: Nested) -> Nested:
    """`high` over `low`, section by section. Amounts and the like are replaced, not joined."""
    out = dict(low)
    for name, value in high.items():
        both = isinstance(value, dict) and isinstance(out.get(name), dict)
        is_value = name in ("patients", "merge")  # mappings that are values, not sections
        out[name] = merged(out[name], value) if both and not is_value else value
    return out


def resolve(
    *,
    preset: str | None,
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    short: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from the paper's defaults, a preset, a YAML file and overrides, in this order;
    `short` changes the experiment as a whole (see `shortened`). The file may be nested or dotted.

    An unknown name or an impossible value is a `SettingError` that names it. Without a preset the
    file's own (`preset: demo`) counts, then quick.
    """
    from_file = read_mapping(file) if file else {}
    given = merged(nest({str(k): v for k, v in from_file.items()}), nest(overrides or {}))
    name = preset or given.get("preset") or "quick"
    if not isinstance(name, str) or name not in PRESETS:
        where = "" if file is None or preset else f"{file}: "
        raise SettingError(f"{where}preset {name!r}: {nearest(str(name), PRESETS)}")
    starting = PRESETS[name]
    starting = merged(starting, _start(starting, given))
    nested = merged({**starting, "preset": name}, {**given, "preset": name})
    if short:
        usual = [part.model_dump() for part in Settings().experiment]
        nested["experiment"] = shortened(nested.get("experiment", usual), short)
    try:
        return validate(nested)
    except SettingError as error:
        if file is None or overrides or short:
            raise
        raise SettingError(f"{file}: {error}") from None


def _start(preset: Nested, given: Nested) -> Nested:
    """What the user's word on where the U-Net starts from takes back of the preset's."""
    mine, theirs = (
        part if isinstance(part := each.get("segmenter"), dict) else {} for each in (given, preset)
    )
    before, cut = given.get("pretrain"), given.get("slices")
    # What is said of the training is said of it whatever it begins from.
    found: Nested = {"segmenter": {"scratch": {n: None for n in _SCRATCH if n in mine}}}
    if mine.get("init"):  # it replaces the pre-training that the preset would do
        return found | {"pretrain": {"cohort": None}}
    # Weights fit one architecture, and one kind of intensities.
    other = any(mine.get(n, theirs.get(n)) != theirs.get(n) for n in ("network", *ARGUMENTS))
    other |= isinstance(cut, dict) and cut.get("normalise", TISSUE) != TISSUE
    if "init" in theirs and (other or (isinstance(before, dict) and before.get("cohort"))):
        found["segmenter"]["init"] = NONE
    return found


def validate(nested: Nested) -> Settings:
    """Check names, types and what must hold between settings."""
    try:
        settings = Settings.model_validate(nested)
    except ValidationError as error:
        raise SettingError("\n".join(_explain(error))) from None
    for number, said in enumerate(settings.experiment):
        _check_design(settings, said, place=f"experiment[{number}]")
    size, step = settings.slices.size, 2**settings.segmenter.depth
    if size % step:
        raise SettingError(
            f"slices.size is {size}, which a U-Net of depth {settings.segmenter.depth} cannot "
            f"halve that often: take {-(-size // step) * step}, or a smaller segmenter.depth."
        )
    _check_start(settings)
    return settings


def _check_start(settings: Settings) -> None:
    """What must hold of where the U-Net begins."""
    check_initial(settings.segmenter.init, normalise=settings.slices.normalise)
    given = settings.segmenter.init not in (None, NONE)
    if settings.pretrain.cohort and given:
        raise SettingError(
            "pretrain.cohort and segmenter.init both say where the U-Net starts from: give one."
        )
    if settings.tuning.masks == "none" and not (given or settings.pretrain.cohort):
        raise SettingError(
            "tuning.masks=none leaves no mask to train a U-Net of random weights on. Take that of "
            "the package (segmenter.init=pretrained), or a trained one of your own."
        )


def _check_design(settings: Settings, said: DesignSettings, *, place: str) -> None:
    """What must hold within one part of the experiment."""
    if {said.features, said.classifier} & {*AMONG}:
        _check_among(settings, said, place=place)
        return
    levels = range(1, settings.segmenter.depth + 1)
    known = [*SOURCES, *(f"{side}{n}" for side in ("enc", "dec") for n in levels)]
    known += [f"network:{name}" for name in settings.networks]
    if len(set(names_in(said.features))) < len(names_in(said.features)):
        raise SettingError(f"{place}.features={said.features!r}: joins a source with itself.")
    for name in names_in(said.features):
        if name not in known:
            raise SettingError(f"{place}.features={said.features!r}: {nearest(name, known)}")
    if takes_of(said.classifier) == "maps" and kind_of(said.features) == "vectors":
        raise SettingError(
            f"{place}: classifier {said.classifier!r} takes maps, and {said.features!r} are "
            "vectors; take 'logistic', or features of a block ('rarecase blocks')."
        )
    arms = pick_arms(said.arms)
    if settings.slices.normalise == "cohort" and any(arm.test_copies > 1 for arm in arms):
        raise SettingError(
            f"{place}: the arm {AUGMENTATION!r} changes intensities on a scale of each case; set "
            "slices.normalise=tissue, or leave the arm out."
        )
    if said.planned is None:
        return
    if str(said.planned) not in {str(a) for a in said.amounts}:
        raise SettingError(
            f"{place}.planned is {said.planned}, which is not among its amounts {said.amounts}: "
            "add it there, or choose one of them."
        )
    if float(str(said.planned).rstrip("%")) == 0:
        raise SettingError(f"{place}.planned is 0: a verdict needs synthetic samples.")


def _check_among(settings: Settings, said: DesignSettings, *, place: str) -> None:
    """What must hold of a part that chooses among others, or averages them."""
    if said.features != said.classifier:
        names = " or ".join(map(repr, AMONG))
        raise SettingError(
            f"{place}: features and classifier are chosen, or averaged, together; both are "
            f"{names}, or none."
        )
    arms = [arm.name for arm in pick_arms(said.arms)]
    if said.features == STACK and arms != [REFERENCE]:
        raise SettingError(
            f"{place}: an average has the arm {REFERENCE!r} alone, since samples are made of one "
            f"set of features; got {', '.join(said.arms)}. Ask arms of 'auto'."
        )
    if not candidates_of(settings):
        raise SettingError(f"{place}: there is no other part on vectors to take.")


def _explain(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        # Positions inside lists and unions of types are noise to a user.
        parts = [str(p) for p in problem["loc"] if not (isinstance(p, int) or p in ("int", "str"))]
        name = ".".join(parts)
        if problem["type"] == "extra_forbidden":
            prefix = name[: name.rfind(".") + 1]
            deeper = (n.removeprefix(prefix) for n in known_names() if n.startswith(prefix))
            level = {prefix + each.split(".")[0] for each in deeper}
            yield f"Unknown setting {name!r}: {nearest(name, level)}"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            yield f"Setting {name}: {message} (got {problem['input']!r:.200})."


def dump(settings: Settings) -> str:
    """The settings as YAML, enough to run the study again."""
    return dump_yaml(settings.model_dump(mode="json"))


def parse_setting(name: str, text: str) -> Any:
    """The value of a setting from the command line, read as what the setting holds.

    Text stays text whatever it looks like; a single value makes a list of one.

    >>> parse_setting("cohort.label", "1,2"), parse_setting("cohort.channels", "flair")
    ('1,2', ['flair'])
    >>> parse_setting("segmenter.dimensions", "3"), parse_setting("slices.normalise", "case")
    (3, 'case')
    >>> parse_setting("cohort.label", "null"), parse_setting("segmenter.learning_rate", "1e-4")
    (None, 0.0001)
    """
    annotation: Any = Settings
    for part in name.split("."):
        annotation = annotation.model_fields[part].annotation
    kinds = _kinds(annotation)
    if text in ("null", "~") and type(None) in kinds:
        return None
    value = parse_value(text)
    if list in kinds:
        return value if isinstance(value, list) else [value]
    if str in kinds and not {int, float, dict} & kinds:
        return text
    return value


def _kinds(annotation: Any) -> set[Any]:
    """The plain types of an annotation such as `list[str] | None`, outermost only."""
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return set().union(*(_kinds(each) for each in get_args(annotation)))
    if get_origin(annotation) is Literal:
        return {type(value) for value in get_args(annotation)}
    return {get_origin(annotation) or annotation}


def parse_value(text: str) -> Any:
    """A value from the command line: YAML, with '1e-4' as a number and 'a,b' as a list.

    >>> parse_value("1e-4"), parse_value("[1, 2]"), parse_value("flair,t1"), parse_value("25%")
    (0.0001, [1, 2], ['flair', 't1'], '25%')
    """
    try:
        value = load_yaml(text, name="value")
    except SettingError:
        return text
    if isinstance(value, str) and "," in value:
        return [parse_value(part) for part in value.split(",")]
    with suppress(ValueError):
        return float(value) if isinstance(value, str) else value
    return value
