from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery


def of_today(apps, schema_editor):
    """Nobody knows what older versions were called first: what they are called now stays."""
    project = apps.get_model("annotator", "Project").objects.filter(pk=OuterRef("project"))
    versions = apps.get_model("annotator", "DatasetVersion").objects
    versions.update(named_as=F("name"), named_in=Subquery(project.values("name")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0025_jobs_not_before_and_checksums"),
    ]

    operations = [
        migrations.AddField(
            model_name="datasetversion",
            name="named_as",
            field=models.CharField(
                default="", editable=False, help_text="Its name when it was made.", max_length=100
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="datasetversion",
            name="named_in",
            field=models.CharField(
                default="", editable=False, help_text="The project's name when it was made.", max_length=200
            ),
            preserve_default=False,
        ),
        migrations.RunPython(of_today, migrations.RunPython.noop),
    ]
