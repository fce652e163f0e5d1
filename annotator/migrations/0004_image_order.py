"""The order of images becomes a column, and equal pixels are refused for uploads only."""

from django.db import migrations, models
from django.db.models import F


def keep_the_order(apps, schema_editor):
    """So far the order was that of the primary keys; gaps between positions mean nothing."""
    apps.get_model("annotator", "Image").objects.update(position=F("pk"))


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0003_user_is_ours"),
    ]

    operations = [
        migrations.AddField(
            model_name="image",
            name="position",
            field=models.PositiveBigIntegerField(
                default=0,
                help_text="Order in the project; images of one position follow each other as they came.",
            ),
        ),
        migrations.RunPython(keep_the_order, migrations.RunPython.noop),
        migrations.AlterModelOptions(
            name="image",
            options={"ordering": ["position", "pk"]},
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(fields=["project", "position"], name="image_order_in_project"),
        ),
        migrations.AddField(
            model_name="image",
            name="source",
            field=models.CharField(
                choices=[("upload", "Upload"), ("frame", "frame of a video or sequence")],
                default="upload",
                max_length=16,
            ),
        ),
        migrations.RemoveConstraint(
            model_name="image",
            name="same_pixels_once_per_project",
        ),
        migrations.AddConstraint(
            model_name="image",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source", "upload")),
                fields=("project", "digest"),
                name="same_upload_once_per_project",
            ),
        ),
    ]
