"""What is being done with a model, in words: `{{ job|progress_words }}`, `{{ job.result|self_test_words }}`,
`{{ job|attempt_words }}`; `{{ text|digests }}` sets digests apart."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from annotator.models import BundleJob
from annotator.site.words import file_size

register = template.Library()
SHA256 = re.compile(r"\b([0-9a-f]{64})\b")


@register.filter
def progress_words(job: BundleJob) -> str:
    """ "Fetching sam_vit_b_01ec64.pth · 12.1 MB of 375 MB, 2.5 MB/s"."""
    words = job.stage or "Beginning"
    if job.done and job.done != job.total:
        words += f" · {file_size(job.done)}"
        if job.total:
            words += f" of {file_size(job.total)}"
        if job.rate:
            words += f", {file_size(job.rate)}/s"
    return words


@register.filter
def self_test_words(result: dict[str, Any]) -> str:
    """ "0.76 s an image on cpu (it takes 0.74 s an image)", of a job's result; "" where it was no self-test."""
    if "encode_s" not in result:
        return ""
    reason = result.get("precision_reason")
    return f"{result['encode_s']:.2f} s an image on {result['device']}{f' ({reason})' if reason else ''}"


@register.filter
def attempt_words(job: BundleJob | None) -> str:
    """That a job which goes on has failed before, or was put back; "" where neither is so. What was wrong follows."""
    if job is None or not job.error or not job.is_pending:
        return ""
    if job.state == BundleJob.State.RUNNING:
        before = f"Attempt {job.attempts} of {settings.JOB_MAX_ATTEMPTS}. The one before ended:"
        return before if job.attempts > 1 else ""
    if job.attempts == 0:
        return "It is tried again by itself:"
    return f"Attempt {job.attempts} of {settings.JOB_MAX_ATTEMPTS} ended, another one follows:"


@register.filter
def digests(text: str) -> SafeString:
    """A sentence whose sha256 are set apart, so that they can be told from the words around them."""
    parts = SHA256.split(text)  # every second one is a digest
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>", part) if place % 2 else part,) for place, part in enumerate(parts)),
    )
