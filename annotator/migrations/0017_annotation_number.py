"""Objects get numbers that stay: those that are there are numbered in the order in which they were made, deleted ones too."""

from itertools import groupby

from django.db import migrations, models

BATCH = 500
IMAGES_AT_ONCE = 200


def number_annotations(apps, schema_editor):
    Annotation = apps.get_model("annotator", "Annotation")
    Image = apps.get_model("annotator", "Image")
    image_ids = list(Annotation.objects.order_by("image_id").values_list("image_id", flat=True).distinct())
    for start in range(0, len(image_ids), IMAGES_AT_ONCE):
        some = Annotation.objects.filter(image_id__in=image_ids[start : start + IMAGES_AT_ONCE])
        rows = list(some.order_by("image_id", "created_at", "id").only("pk", "image_id"))
        counted = []
        for image_id, annotations in groupby(rows, key=lambda row: row.image_id):
            for number, annotation in enumerate(annotations, 1):
                annotation.number = number
            counted.append(Image(pk=image_id, last_number=number))
        Annotation.objects.bulk_update(rows, ["number"], batch_size=BATCH)
        Image.objects.bulk_update(counted, ["last_number"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [("annotator", "0016_partial_upload")]

    operations = [
        migrations.AddField(
            "image",
            "last_number",
            models.PositiveIntegerField(
                default=0, help_text="The highest number that an annotation of this image was ever given."
            ),
        ),
        migrations.AddField("annotation", "number", models.PositiveIntegerField(null=True)),
        migrations.RunPython(number_annotations, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            "annotation",
            "number",
            models.PositiveIntegerField(
                editable=False, help_text="By which people speak of it; no two annotations of an image have one number."
            ),
        ),
        migrations.AddConstraint(
            "annotation",
            models.UniqueConstraint(fields=["image", "number"], name="annotation_number_of_image"),
        ),
    ]
