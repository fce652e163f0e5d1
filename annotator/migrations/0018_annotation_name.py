"""An object may have a name and a color of its own, and be locked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotator", "0017_annotation_number")]

    operations = [
        migrations.AddField(
            "annotation",
            "name",
            models.CharField(
                blank=True,
                default="",
                max_length=80,
                help_text="What people call this one object; most have no name.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "annotation",
            "color",
            models.CharField(
                blank=True,
                default="",
                max_length=7,
                help_text="Its own, #rrggbb, where objects are told apart by color.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "annotation",
            "is_locked",
            models.BooleanField(default=False, help_text="Whether the workbench refuses to change it."),
        ),
    ]
