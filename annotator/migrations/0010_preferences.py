"""What people set for themselves at the workbench."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0009_annotation_updated_by"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="preferences",
            field=models.JSONField(blank=True, default=dict, help_text="Of the workbench."),
        ),
    ]
