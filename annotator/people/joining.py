"""Making an account by an invitation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.db import IntegrityError, transaction

from annotator.models import Invitation, User
from annotator.people import invitations
from annotator.people.passwords import NOT_THE_SAME

NAME_TAKEN = "This user name is taken. Choose another one."


class JoinForm(UserCreationForm):
    """User name, password, and an e-mail address for a forgotten one."""

    email = forms.EmailField(max_length=254, required=False)

    error_messages = {**UserCreationForm.error_messages, **NOT_THE_SAME}

    class Meta:
        model = User
        fields = ["username", "email"]
        error_messages = {"username": {"unique": NAME_TAKEN}}

    def __init__(self, invitation: Invitation, *args: Any, **kwargs: Any) -> None:
        self.invitation = invitation
        super().__init__(*args, **kwargs)

    def join(self) -> User | None:
        """Makes the account and its membership, or neither.

        Returns:
            None where somebody else took the name a moment ago; the form says so then.

        Raises:
            InvitationOver: nobody can come by the invitation any more.
        """
        try:
            with transaction.atomic():
                user = self.save()
                invitations.accept(self.invitation, user)
        except IntegrityError:
            self.add_error("username", NAME_TAKEN)
            return None
        return user
