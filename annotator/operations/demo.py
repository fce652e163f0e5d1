"""The demo project: real photographs, categories that fit them, and three people to sign in as.

The photographs are those that scikit-image carries inside its package, all in the public domain or CC0 (sources and
licences in `skimage.data`): nothing is downloaded and nothing is copied into this repository.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from django.contrib.auth.models import Group
from django.db import transaction

from annotator.errors import MaskwrightError
from annotator.media import intake
from annotator.models import Membership, Project, Role, User
from annotator.projects import categories, projects

PROJECT_NAME = "Demo photographs"
PROJECT_DESCRIPTION = "Public-domain photographs to try things out on. Delete it whenever you like."
# NASA's Eileen Collins; a cup of coffee by Rachel Michetti; Chelsea the cat by Stefan van der Walt; a SpaceX launch;
# Greek coins from Pompeii, Brooklyn Museum.
PHOTOGRAPHS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "coins.png")
# name, supercategory, color: the first of Okabe and Ito's palette, which people of any colour vision can tell apart
CATEGORIES = (
    ("person", "person", "#0072b2"),
    ("cat", "animal", "#e69f00"),
    ("cup", "kitchen", "#009e73"),
    ("spoon", "kitchen", "#cc79a7"),
    ("rocket", "vehicle", "#d55e00"),
    ("coin", "thing", "#56b4e9"),
)
USERNAMES = ("manager", "annotator", "admin")
ROLES = {"manager": Role.MANAGER, "annotator": Role.ANNOTATOR}  # admin is staff and sees everything
GROUP = "Demo logins"  # marks the users made here: nobody else's password is ever touched
# Without letters and digits that look alike; 14 of 31 are 69 bits.
PASSWORD_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
PASSWORD_CHARACTERS = 14


class DemoError(MaskwrightError):
    code = "demo_refused"


@dataclass
class DemoReport:
    """What was made.

    Attributes:
        passwords: user name -> password, for those that were made or whose password was set just now.
        not_ours: user names that exist already and were not made by the demo; left as they are.
    """

    project: Project
    passwords: dict[str, str] = field(default_factory=dict)
    not_ours: list[str] = field(default_factory=list)
    image_count: int = 0


def is_first_run() -> bool:
    """Whether nobody has used this installation yet."""
    return not User.objects.exists() and not Project.objects.exists()


def has_logins() -> bool:
    """Whether somebody can sign in as one of the demo's users."""
    return User.objects.filter(groups__name=GROUP, is_active=True).exists()


def create(password: str = "", with_images: bool = True) -> DemoReport:
    """Makes what is missing of the demo: all of it or, when something goes wrong, nothing.

    Args:
        password: for the three users; empty: one made up for each new one, existing ones keep theirs.
        with_images: put the photographs in; False makes the users and an empty project.

    Raises:
        DemoError: scikit-image's photographs are not where they should be.
    """
    with transaction.atomic():
        passwords, users, not_ours = _make_users(password)
        project = Project.objects.filter(name=PROJECT_NAME).first()
        if project is None:
            project = projects.create_project(
                users.get("manager"), name=PROJECT_NAME, description=PROJECT_DESCRIPTION
            )
            for name, supercategory, color in CATEGORIES:
                categories.create_category(project, name=name, supercategory=supercategory, color=color)
        for username, role in ROLES.items():
            if username in users:
                Membership.objects.get_or_create(
                    project=project, user=users[username], defaults={"role": role}
                )
        report = DemoReport(project, passwords, not_ours)
        if with_images:
            _add_photographs(project, users.get("manager"))
        report.image_count = project.images.count()
    return report


def reset_passwords(password: str = "") -> dict[str, str]:
    """Gives every demo user the password, or a new one each; returns them by user name.

    Raises:
        DemoError: there are no demo users.
    """
    users = list(User.objects.filter(groups__name=GROUP, username__in=USERNAMES))
    if not users:
        raise DemoError("There are no demo logins here. Make them: manage.py create_demo")
    passwords = {}
    with transaction.atomic():
        for user in sorted(users, key=lambda user: USERNAMES.index(user.username)):
            passwords[user.username] = password or make_password()
            user.set_password(passwords[user.username])
            user.is_active = True
            user.save(update_fields=["password", "is_active"])
    return passwords


def make_password() -> str:
    return "".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(PASSWORD_CHARACTERS))


def photograph_folder() -> Path:
    """Where scikit-image keeps its pictures; found without importing it, which takes a second."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise DemoError(
            "scikit-image is not installed, and with it the demo's photographs. Run: pip install scikit-image"
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def _make_users(password: str) -> tuple[dict[str, str], dict[str, User], list[str]]:
    """(passwords set just now by user name, demo users by name, names that belong to somebody else)."""
    group, _ = Group.objects.get_or_create(name=GROUP)
    passwords: dict[str, str] = {}
    users: dict[str, User] = {}
    not_ours: list[str] = []
    for username in USERNAMES:
        user = User.objects.filter(username=username).first()
        if user is None:
            is_admin = username == "admin"
            passwords[username] = password or make_password()
            user = User.objects.create_user(
                username, password=passwords[username], is_staff=is_admin, is_superuser=is_admin
            )
            user.groups.add(group)
        elif not user.groups.filter(pk=group.pk).exists():
            not_ours.append(username)
            continue
        elif password and not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
            passwords[username] = password
        users[username] = user
    return passwords, users, not_ours


def _add_photographs(project: Project, user: User | None) -> None:
    folder = photograph_folder()
    with ExitStack() as stack:
        try:
            files = [stack.enter_context(open(folder / name, "rb")) for name in PHOTOGRAPHS]
        except FileNotFoundError as error:
            raise DemoError(
                f"scikit-image carries no {error.filename}. Run: pip install --force-reinstall scikit-image"
            ) from error
        report = intake.ingest_files(project, files, user)  # what is there already is recognised
    if report.errors:
        refused = report.errors[0]
        raise DemoError(f"{refused.name} was refused: {refused.error.message}")
