"""An object may have a place of its own in the list of its image's objects."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotator", "0019_partial_upload_taken_in")]

    operations = [
        migrations.AddField(
            "annotation",
            "rank",
            models.FloatField(
                null=True,
                blank=True,
                help_text="Where people put it in the list of objects, from the top; empty: by its number, the latest first.",
            ),
        ),
    ]
