"""Images uploaded together are ordered by their names. Those that are there keep their order."""

from django.db import migrations, models

from annotator.site.name_key import name_key

ROWS_AT_ONCE = 2000


def note_the_keys(apps, schema_editor):
    images = apps.get_model("annotator", "Image").objects
    rows = []
    for image in images.filter(name_key="").only("pk", "name").order_by("pk").iterator(ROWS_AT_ONCE):
        image.name_key = name_key(image.name)
        rows.append(image)
        if len(rows) == ROWS_AT_ONCE:
            images.bulk_update(rows, ["name_key"])
            rows = []
    images.bulk_update(rows, ["name_key"])


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0007_notes_of_any_storage"),
    ]

    operations = [
        migrations.AddField(
            model_name="image",
            name="batch",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Files that were uploaded together have the same one.",
                max_length=64,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="image",
            name="name_key",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="Sorts as the name should: 2 before 10.",
                max_length=1024,
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="image",
            name="position",
            field=models.PositiveBigIntegerField(
                default=0,
                help_text="Order in the project; images of one position are ordered by their names.",
            ),
        ),
        migrations.AlterModelOptions(
            name="image",
            options={"ordering": ["position", "name_key", "pk"]},
        ),
        migrations.RunPython(note_the_keys, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(fields=["project", "name_key"], name="image_names_in_project"),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(fields=["project", "batch"], name="image_batch_in_project"),
        ),
    ]
