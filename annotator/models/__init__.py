"""Tables and their constraints. Rules live in the rooms beside this package."""

from annotator.models.annotation import Annotation
from annotator.models.api_token import ApiToken
from annotator.models.bundle import Bundle
from annotator.models.bundle_job import AcceptedLicence, BundleJob
from annotator.models.category import Category
from annotator.models.dataset_import import Import
from annotator.models.dataset_version import DatasetVersion
from annotator.models.embedding import EmbeddingJob
from annotator.models.export import Export
from annotator.models.image import Image
from annotator.models.invitation import Invitation
from annotator.models.job import LeasedJob
from annotator.models.login_failures import LoginFailures
from annotator.models.membership import Membership
from annotator.models.partial_upload import PartialUpload
from annotator.models.project import Overlap, Project, Role
from annotator.models.unowned_file import UnownedFile
from annotator.models.user import User
from annotator.models.worker import WorkerHeartbeat

__all__ = [
    "AcceptedLicence",
    "Annotation",
    "ApiToken",
    "Bundle",
    "BundleJob",
    "Category",
    "DatasetVersion",
    "EmbeddingJob",
    "Export",
    "Image",
    "Import",
    "Invitation",
    "LeasedJob",
    "LoginFailures",
    "Membership",
    "Overlap",
    "PartialUpload",
    "Project",
    "Role",
    "UnownedFile",
    "User",
    "WorkerHeartbeat",
]
