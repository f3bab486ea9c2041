"""What the README quotes of the demo, from a finished demo run.

    rarecase run --preset demo --out demo-run
    python benchmarks/readme.py demo-run

Keeps the run's own sentences in results/readme.json and writes them into the README between its
marks; a test (tests/test_readme.py) holds the two together.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from rarecase.files import read_json, write_json, write_text

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
KEPT = ROOT / "benchmarks" / "results" / "readme.json"
BEGIN, END = "<!-- demo -->\n", "<!-- /demo -->"


def quoted(run: Path) -> dict[str, Any]:
    """Which features know the class, what was chosen, and the verdicts of the primary family."""
    evidence = read_json(run / "evidence.json")
    settings = yaml.safe_load((run / "study.yaml").read_text(encoding="utf-8"))
    if settings["preset"] != "demo":
        raise SystemExit(f"{run}: a run of preset {settings['preset']!r}; the README quotes demo.")
    first = [evidence["features"]["sentences"][0], evidence["choices"]["sentence"]]
    said = [verdict["sentence"] for verdict in evidence["verdicts"] if verdict["primary"]]
    return {"preset": "demo", "sentences": [*first, *said]}


def as_quote(said: dict[str, Any]) -> str:
    """The sentences as they stand in the README."""
    return "".join(f"> * {sentence}\n" for sentence in said["sentences"])


def with_quote(text: str, said: dict[str, Any]) -> str:
    """The README's text with these sentences between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{as_quote(said)}{END}{after}"


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    said = quoted(Path(sys.argv[1]))
    write_json(KEPT, said)
    write_text(README, with_quote(README.read_text(encoding="utf-8"), said))
    print(as_quote(said))


if __name__ == "__main__":
    main()
