"""What is said of the package in several places is one thing; what calls `make` calls what there
is."""

import re
import tomllib
from pathlib import Path

import yaml

import rarecase

ROOT = Path(__file__).parents[1]
ABOUT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MAKE = (ROOT / "Makefile").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def recipe(target: str) -> list[str]:
    """The commands of a target."""
    (lines,) = re.findall(rf"^{target}:.*\n((?:\t.*\n)+)", MAKE, re.MULTILINE)
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in lines.splitlines()]


def test_there_is_one_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"]
    assert ABOUT["version"] == rarecase.__version__ == str(cited)


def test_pre_commit_calls_the_tools_of_make_lint():
    said = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook for repo in said["repos"] for hook in repo["hooks"]]
    assert [hook["entry"] for hook in hooks] == recipe("lint")
    assert not any(hook["pass_filenames"] for hook in hooks)


def test_both_kinds_of_ci_call_targets_that_there_are():
    hosted = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    targets = hosted["jobs"]["check"]["strategy"]["matrix"]["target"]
    own = re.findall(r"^make (\w+)$", (ROOT / ".ci/run").read_text("utf-8"), re.MULTILINE)
    assert {*own} <= {*targets}
    for target in targets:
        assert recipe(target)


def test_the_readme_shows_pictures_that_exist_wherever_it_is_read():
    shown = re.findall(r"<img[^>]* src=\"([^\"]+)\"[^>]* alt=\"[^\"]{20,}\"", README)
    assert len(shown) == 2
    raw = ABOUT["urls"]["Source"].replace("github.com", "raw.githubusercontent.com")
    for address in shown:
        assert (ROOT / address.removeprefix(f"{raw}/main/")).is_file(), address


def test_what_the_documentation_is_built_with_is_pinned():
    pins = (ROOT / "constraints.txt").read_text("utf-8").lower()
    for wanted in [*ABOUT["optional-dependencies"]["docs"], "build", "twine"]:
        assert f"\n{re.split('[>=]', wanted)[0]}==" in pins
