"""Tables and their constraints. Rules live in the domain modules beside this package."""

from annotator.models.annotation import Annotation
from annotator.models.embedding import Bundle, EmbeddingJob, WorkerHeartbeat
from annotator.models.export import Export
from annotator.models.image import Image
from annotator.models.job import LeasedJob
from annotator.models.login_failures import LoginFailures
from annotator.models.project import Category, Membership, Project, Role
from annotator.models.user import User

__all__ = [
    "Annotation",
    "Bundle",
    "Category",
    "EmbeddingJob",
    "Export",
    "Image",
    "LeasedJob",
    "LoginFailures",
    "Membership",
    "Project",
    "Role",
    "User",
    "WorkerHeartbeat",
]
