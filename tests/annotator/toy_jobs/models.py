from django.db import models

from annotator.models import LeasedJob


class Toy(LeasedJob):
    takes_s = models.FloatField(default=0)
    is_broken = models.BooleanField(default=False)
    made_by = models.CharField(max_length=200, blank=True)

    class Meta:
        app_label = "toys"

    def __str__(self) -> str:
        return f"toy {self.pk}: {self.state}"
