"""One's own page: name and e-mail address, password, API tokens, how the workbench behaves."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET
from rest_framework import serializers

from annotator.people.permissions import signed_in
from annotator.people.preferences import PreferencesSerializer, preferences_of

LIFETIMES_DAYS = (7, 30, 90, 365)
USUAL_LIFETIME_DAYS = 90


@require_GET
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    person = signed_in(request.user)
    values = preferences_of(person)
    switches = [
        (name, field.help_text, values[name])
        for name, field in PreferencesSerializer().fields.items()
        if isinstance(field, serializers.BooleanField)
    ]
    most = settings.API_TOKEN_MAX_DAYS
    context = {
        "tokens": person.api_tokens.all(),
        "now": timezone.now(),
        "lifetimes": [days for days in LIFETIMES_DAYS if days < most] + [most],
        "usual_lifetime": min(USUAL_LIFETIME_DAYS, most),
        "switches": switches,
        "own_key_count": len(values["keys"]) + len(values["category_keys"]),
    }
    return render(request, "pages/profile.html", context)
