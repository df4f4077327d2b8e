"""The report: figures as JSON, tables as Markdown, plots as pictures, and the targets beside what was measured."""

import json

from .. import settings
from . import markdown, plots, targets


def write(results, machine):
    """Writes .bench/report/ anew; called after every part, so that a run that is broken off leaves what it has."""
    settings.REPORT.mkdir(parents=True, exist_ok=True)
    judged = targets.judge(results)
    document = {"machine": machine, "targets": [target.as_json() for target in judged], **results.as_json()}
    (settings.REPORT / "report.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    pictures = plots.draw(results, machine, settings.REPORT)
    (settings.REPORT / "report.md").write_text(markdown.report(results, machine, judged, pictures))


def targets_text(results):
    """The table of targets, for the terminal: those that this run measured."""
    return "\n".join(markdown.targets([target for target in targets.judge(results) if target.value is not None]))
