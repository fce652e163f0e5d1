"""`manage.py export_dataset`: a project's annotations into a file."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotator.datasets import records
from annotator.management import find_project
from annotator.management.progress import ProgressLine
from annotator.models import Image
from exporters.errors import ExportError
from exporters.options import SEGMENTATIONS, ExportOptions
from exporters.registry import EXPORTERS, make_exporter
from segmentation.atomic_file import replacing


class Command(BaseCommand):
    help = "Writes a project's annotations to a file. The file appears complete or not at all."

    def add_arguments(self, parser) -> None:
        parser.add_argument("project", help=find_project.HELP)
        parser.add_argument("--format", default="coco", choices=sorted(EXPORTERS))
        parser.add_argument("--output", required=True, type=Path, metavar="FILE")
        parser.add_argument(
            "--segmentation",
            default="rle",
            choices=SEGMENTATIONS,
            help="rle (default) keeps every pixel; polygon loses holes; both writes RLE with polygons beside it.",
        )
        parser.add_argument("--images", action="store_true", help="Put the pictures in; FILE is a zip then.")
        parser.add_argument(
            "--state",
            action="append",
            choices=Image.State.values,
            help="Only images in this state; may be given several times. Default: all.",
        )

    def handle(
        self,
        *,
        project: str,
        format: str,
        output: Path,
        segmentation: str,
        images: bool,
        state: list[str] | None,
        **options,
    ) -> None:
        source = find_project.find_project(project)
        dataset = records.build(source, state or ())
        exporter = make_exporter(format, ExportOptions(segmentation=segmentation, include_images=images))
        progress = ProgressLine(self.stdout)
        try:
            with replacing(output) as temporary, open(temporary, "wb") as stream:
                exporter.write(dataset, stream, lambda done, total: progress.show(f"{done} of {total}"))
        except ExportError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"cannot write {output}: {error.strerror}") from error
        except KeyboardInterrupt:
            raise CommandError("stopped; nothing was written", returncode=130) from None
        finally:
            progress.clear()
        self.stdout.write(
            f"{source.name}: {dataset.annotation_count} annotations on {dataset.image_count} images in {output}"
        )
