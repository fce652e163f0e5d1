"""Where an invitation's link leads: an account is made, or one's own becomes a member."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.password_validation import (
    get_default_password_validators,
    password_validators_help_texts,
)
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from annotator.models import Membership
from annotator.people import invitations
from annotator.people.errors import InvitationOver
from annotator.people.joining import JoinForm
from annotator.people.password_change import WithdrawsTokens
from annotator.people.permissions import signed_in


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    found = invitations.find(token)
    if found is None:
        raise Http404("There is no such invitation, or it was withdrawn.")
    is_member = (
        request.user.is_authenticated
        and Membership.objects.filter(project=found.project, user=request.user).exists()
    )
    if is_member:
        return redirect("project", found.project_id)
    over = invitations.why_over(found)
    if over:
        return _over(request, over)
    form = JoinForm(found, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        try:
            if request.user.is_authenticated:
                invitations.accept(found, signed_in(request.user))
                return redirect("project", found.project_id)
            if form.is_valid() and (joined := form.join()):
                login(request, joined, backend=settings.AUTHENTICATION_BACKENDS[0])
                return redirect("project", found.project_id)
        except InvitationOver as error:
            return _over(request, error.message)
    rules = [one for one in get_default_password_validators() if not isinstance(one, WithdrawsTokens)]
    context = {"invitation": found, "form": form, "rules": password_validators_help_texts(rules)}
    return render(request, "pages/invitation.html", context, status=400 if form.errors else 200)


def _over(request: HttpRequest, reason: str) -> HttpResponse:
    return render(request, "pages/invitation_over.html", {"reason": reason}, status=410)
