"""What is checked before a file is made, and in a finished one. Pure: no database. docs/exports.md lists the rules."""

from exports.preflight.files import check_file
from exports.preflight.report import Finding, Limits, Report
from exports.preflight.rules import RULES, Rule
from exports.preflight.run import run_preflight

__all__ = ["RULES", "Finding", "Limits", "Report", "Rule", "check_file", "run_preflight"]
