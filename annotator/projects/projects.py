"""Rules of projects, their categories and their members."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Max

from annotator.embeddings import queue as embedding_queue
from annotator.errors import CategoryInUse, InvalidValue, LastManager
from annotator.models import Annotation, Bundle, Category, Membership, Project, Role
from annotator.projects.palette import category_color


def create_project(user, *, name: str, description: str = "", bundle: Bundle | None = None) -> Project:
    """Makes a project with `user` as its manager (None for a command: no members yet).

    Without a bundle it gets the present default one, so that a later default does not change it.
    """
    with transaction.atomic():
        project = Project.objects.create(
            name=name,
            description=description,
            bundle=bundle or Bundle.objects.default(),
            created_by=user,
        )
        if user is not None:
            Membership.objects.create(project=project, user=user, role=Role.MANAGER)
    return project


def update_project(project: Project, **changes) -> Project:
    """Changes name, description or bundle; a new bundle queues the embeddings it needs."""
    for name, value in changes.items():
        setattr(project, name, value)
    with transaction.atomic():
        project.save(update_fields=[*changes, "updated_at"])
        if changes.get("bundle"):
            embedding_queue.ensure_jobs(project.images.all(), project.bundle)
            embedding_queue.wake()
    return project


# --- categories ---
def create_category(
    project: Project,
    *,
    name: str,
    coco_id: int | None = None,
    color: str | None = None,
    supercategory: str = "",
    position: int | None = None,
) -> Category:
    """Adds a category; COCO id, position and color follow the ones there are where they are not given.

    Raises:
        InvalidValue: name or COCO id are taken in this project.
    """
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        last = project.categories.aggregate(coco_id=Max("coco_id"), position=Max("position"))
        count = project.categories.count()
        category = Category(
            project=project,
            name=name,
            coco_id=coco_id or (last["coco_id"] or 0) + 1,
            color=color or category_color(count),
            supercategory=supercategory,
            position=position if position is not None else (-1 if count == 0 else last["position"]) + 1,
        )
        return _save_category(category)


def update_category(category: Category, **changes) -> Category:
    """Changes columns of a category. Raises InvalidValue as `create_category`."""
    for name, value in changes.items():
        setattr(category, name, value)
    with transaction.atomic():
        # Only what was asked for: two changes of different columns at one time must not undo each other.
        return _save_category(category, update_fields=list(changes))


def delete_category(category: Category) -> None:
    """Deletes a category no annotation has; softly deleted annotations that had it go for good.

    Raises:
        CategoryInUse: annotations have it.
    """
    with transaction.atomic():
        Category.objects.select_for_update().get(pk=category.pk)
        in_use = Annotation.objects.live().filter(category=category).count()
        if in_use:
            raise CategoryInUse(
                f"{in_use} annotations have the category {category.name}. Give them another one or delete them first."
            )
        Annotation.objects.filter(category=category).delete()
        category.delete()


def _save_category(category: Category, update_fields: list[str] | None = None) -> Category:
    others = Category.objects.filter(project=category.project_id).exclude(pk=category.pk)
    if others.filter(name__iexact=category.name).exists():
        raise _taken("name", f"This project already has a category {category.name}.")
    if others.filter(coco_id=category.coco_id).exists():
        raise _taken("coco_id", f"This project already has a category with COCO id {category.coco_id}.")
    try:
        with transaction.atomic():
            category.save(update_fields=update_fields)
    except IntegrityError as error:
        raise _taken("name", "Name or COCO id were taken at this moment; look again.") from error
    return category


def _taken(field: str, message: str) -> InvalidValue:
    return InvalidValue(message, fields={field: [message]})


# --- members ---
def add_member(project: Project, *, username: str, role: str) -> Membership:
    """Adds a user by name.

    Raises:
        InvalidValue: no such user, or a member already.
    """
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise _taken("username", f"There is no user {username}.")
    try:
        with transaction.atomic():
            return Membership.objects.create(project=project, user=user, role=role)
    except IntegrityError as error:
        raise _taken("username", f"{username} is a member already; change the role instead.") from error


def change_role(membership: Membership, role: str) -> Membership:
    """Gives a member another role. Raises LastManager."""
    with transaction.atomic():
        if role != Role.MANAGER:
            _keep_a_manager(membership)
        membership.role = role
        membership.save(update_fields=["role"])
    return membership


def remove_member(membership: Membership) -> None:
    """Takes a member out; their annotations stay. Raises LastManager."""
    with transaction.atomic():
        _keep_a_manager(membership)
        membership.delete()


def _keep_a_manager(leaving: Membership) -> None:
    if leaving.role != Role.MANAGER:
        return
    managers = Membership.objects.select_for_update().filter(project=leaving.project_id, role=Role.MANAGER)
    if not [member for member in managers if member.pk != leaving.pk]:
        raise LastManager("A project keeps at least one manager; make somebody else manager first.")
