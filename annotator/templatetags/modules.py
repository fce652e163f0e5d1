"""`{% preload_modules "js/pages/annotate.js" %}`: links that let the browser fetch a page's modules all at once.

Without them it finds a module's imports only when it has read the module: one round trip for every level.
`{% prefetch_modules ... %}` fetches them into the cache, when nothing else is to do, for the page that comes next.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from posixpath import dirname, join, normpath

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

# At the start of a line, so that the types named in comments are not taken for modules.
IMPORT = re.compile(r"""^(?:import|export|\})[^;"']*["'](\.[^"']+\.js)["'];""", re.MULTILINE)


@register.simple_tag
def preload_modules(*entries: str | None) -> SafeString:
    """`<link rel="modulepreload">` for each static module and all that it imports.

    Args:
        entries: static paths, empty ones left out. A worker's modules are fetched into the browser's cache, where the
            worker finds them.
    """
    return _links('<link rel="modulepreload" href="{}">', entries)


@register.simple_tag
def prefetch_modules(*entries: str | None) -> SafeString:
    """`<link rel="prefetch">` for the same."""
    return _links('<link rel="prefetch" href="{}">', entries)


def _links(form: str, entries: tuple[str | None, ...]) -> SafeString:
    paths = dict.fromkeys(path for entry in entries if entry for path in modules_of(entry))
    return format_html_join("\n    ", form, ((static(path),) for path in paths))


def modules_of(entry: str) -> tuple[str, ...]:
    """A module's static path and those of all that it imports, nearest first."""
    return _read(entry) if settings.DEBUG else _kept(entry)


def _read(entry: str) -> tuple[str, ...]:
    found = [entry]
    for path in found:  # grows as it goes
        source = finders.find(path)
        if source is None:
            continue  # a page with a preload too few works
        for name in IMPORT.findall(Path(source).read_text(encoding="utf-8")):
            imported = normpath(join(dirname(path), name))
            if imported not in found:
                found.append(imported)
    return tuple(found)


_kept = lru_cache(maxsize=None)(_read)
