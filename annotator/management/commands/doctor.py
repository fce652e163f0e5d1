"""`manage.py doctor`: looks for what is wrong."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.operations import doctor


class Command(BaseCommand):
    help = "Looks for what is wrong with this installation: one line each, and what to do. Fails when something is."
    requires_system_checks = []  # a check that fails is something to say in a line, not a reason to say nothing

    def handle(self, **options: Any) -> None:
        findings = doctor.examine()
        for finding in findings:
            good = self.style.WARNING("warn") if finding.is_warning else self.style.SUCCESS("ok  ")
            mark = good if finding.ok else self.style.ERROR("FAIL")
            self.stdout.write(f"{mark}  {finding.name:<13} {finding.message}")
            if finding.advice:
                self.stdout.write(f"{'':<20} {finding.advice}")
        failed = sum(not finding.ok for finding in findings)
        if failed:
            raise CommandError(f"{failed} of {len(findings)} checks failed")
