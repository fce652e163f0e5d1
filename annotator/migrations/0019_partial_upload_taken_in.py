"""Of two requests that take one file in, one does."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotator", "0018_annotation_name")]

    operations = [
        migrations.AddField(
            "partialupload",
            "taken_in_at",
            models.DateTimeField(
                blank=True, null=True, help_text="When somebody began to take the whole file in."
            ),
        ),
    ]
