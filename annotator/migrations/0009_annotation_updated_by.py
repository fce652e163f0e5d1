"""Who wrote last to an annotation. Of those that are there only the author is known."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0008_natural_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="annotation",
            name="updated_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Who wrote last: made, changed, deleted or restored it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
