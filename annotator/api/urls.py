"""Addresses of the API."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from annotator.api import (
    accounts,
    annotations,
    bundles,
    categories,
    embeddings,
    exports,
    image_bulk,
    images,
    imports,
    members,
    models,
    partial_uploads,
    progress,
    projects,
    timings,
    trash,
    versions,
)
from annotator.api.base.unknown import UnknownAddressView

app_name = "api"

urlpatterns = [
    path("auth/token/", accounts.TokenView.as_view(), name="token"),
    path("me/", accounts.MeView.as_view(), name="me"),
    path("me/preferences/", accounts.PreferencesView.as_view(), name="preferences"),
    path("timings/", timings.TimingsView.as_view(), name="timings"),
    path("projects/", projects.ProjectsView.as_view(), name="projects"),
    path("projects/<int:project_id>/", projects.ProjectView.as_view(), name="project"),
    path("projects/<int:project_id>/categories/", categories.CategoriesView.as_view(), name="categories"),
    path(
        "projects/<int:project_id>/categories/list/",
        categories.CategoryListView.as_view(),
        name="categories-list",
    ),
    path("categories/<int:category_id>/", categories.CategoryView.as_view(), name="category"),
    path("projects/<int:project_id>/members/", members.MembersView.as_view(), name="members"),
    path("members/<int:member_id>/", members.MemberView.as_view(), name="member"),
    path("projects/<int:project_id>/progress/", progress.ProgressView.as_view(), name="progress"),
    path("projects/<int:project_id>/images/", images.ImagesView.as_view(), name="images"),
    path("projects/<int:project_id>/images/mark/", image_bulk.ImagesMarkView.as_view(), name="images-mark"),
    path(
        "projects/<int:project_id>/images/delete/",
        image_bulk.ImagesDeleteView.as_view(),
        name="images-delete",
    ),
    path(
        "projects/<int:project_id>/uploads/",
        partial_uploads.PartialUploadsView.as_view(),
        name="partial-uploads",
    ),
    path("uploads/<uuid:upload_id>/", partial_uploads.PartialUploadView.as_view(), name="partial-upload"),
    path(
        "uploads/<uuid:upload_id>/finish/",
        partial_uploads.PartialUploadFinishView.as_view(),
        name="partial-upload-finish",
    ),
    path("projects/<int:project_id>/trash/images/", trash.TrashedImagesView.as_view(), name="trash-images"),
    path(
        "projects/<int:project_id>/trash/images/restore/",
        trash.TrashedImagesRestoreView.as_view(),
        name="trash-images-restore",
    ),
    path(
        "projects/<int:project_id>/trash/images/remove/",
        trash.TrashedImagesRemoveView.as_view(),
        name="trash-images-remove",
    ),
    path(
        "projects/<int:project_id>/trash/annotations/",
        trash.TrashedAnnotationsView.as_view(),
        name="trash-annotations",
    ),
    path("images/<int:image_id>/", images.ImageView.as_view(), name="image"),
    path("images/<int:image_id>/file/", images.ImageFileView.as_view(), name="image-file"),
    path("images/<int:image_id>/thumbnail/", images.ImageThumbnailView.as_view(), name="image-thumbnail"),
    path(
        "images/<int:image_id>/tiles/<int:level>/<int:column>/<int:row>/",
        images.ImageTileView.as_view(),
        name="image-tile",
    ),
    path("images/<int:image_id>/embedding/", embeddings.EmbeddingView.as_view(), name="embedding"),
    path("images/<int:image_id>/annotations/", annotations.AnnotationsView.as_view(), name="annotations"),
    path("annotations/<uuid:annotation_id>/", annotations.AnnotationView.as_view(), name="annotation"),
    path(
        "annotations/<uuid:annotation_id>/restore/",
        annotations.AnnotationRestoreView.as_view(),
        name="annotation-restore",
    ),
    path("projects/<int:project_id>/exports/", exports.ExportsView.as_view(), name="exports"),
    path(
        "projects/<int:project_id>/exports/preview/",
        exports.ExportsPreviewView.as_view(),
        name="exports-preview",
    ),
    path("exports/by-link/<str:token>/", exports.ExportByLinkView.as_view(), name="export-by-link"),
    path("exports/<int:export_id>/", exports.ExportView.as_view(), name="export"),
    path("exports/<int:export_id>/file/", exports.ExportFileView.as_view(), name="export-file"),
    path("exports/<int:export_id>/report/", exports.ExportReportView.as_view(), name="export-report"),
    path("exports/<int:export_id>/link/", exports.ExportLinkView.as_view(), name="export-link"),
    path(
        "projects/<int:project_id>/versions/", versions.DatasetVersionsView.as_view(), name="dataset-versions"
    ),
    path("versions/<int:version_id>/", versions.DatasetVersionView.as_view(), name="dataset-version"),
    path(
        "versions/<int:version_id>/difference/",
        versions.DatasetVersionDifferenceView.as_view(),
        name="dataset-version-difference",
    ),
    path("projects/<int:project_id>/imports/", imports.ImportsView.as_view(), name="imports"),
    path("imports/<int:import_id>/", imports.ImportView.as_view(), name="import"),
    path("imports/<int:import_id>/start/", imports.ImportStartView.as_view(), name="import-start"),
    path("imports/<int:import_id>/problems/", imports.ImportProblemsView.as_view(), name="import-problems"),
    path("bundles/", bundles.BundlesView.as_view(), name="bundles"),
    path("bundles/<str:name>/", bundles.BundleView.as_view(), name="bundle"),
    path("bundles/<str:name>/decoder/", bundles.BundleDecoderView.as_view(), name="bundle-decoder"),
    path(
        "bundles/<str:name>/decoder/fast/",
        bundles.BundleFastDecoderView.as_view(),
        name="bundle-fast-decoder",
    ),
    path("bundles/<str:name>/default/", models.BundleDefaultView.as_view(), name="bundle-default"),
    path("bundles/<str:name>/selftest/", models.BundleSelfTestView.as_view(), name="bundle-selftest"),
    path("bundle-jobs/<int:job_id>/", models.BundleJobView.as_view(), name="bundle-job"),
    path("catalogue/", models.CatalogueView.as_view(), name="catalogue"),
    path("catalogue/<str:name>/install/", models.CatalogueInstallView.as_view(), name="catalogue-install"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api:schema"), name="docs"),
    re_path(r"^.*$", UnknownAddressView.as_view(), name="unknown"),
]
