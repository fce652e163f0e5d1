"""A table of the annotations, for spreadsheets and statistics: one row an annotation, RFC 4180 (comma, CR LF, UTF-8).

image, split, uuid, category, supercategory, area (pixels), x, y, width, height (the mask's box in image pixels),
predicted_iou, stability_score, author, created_at (ISO 8601), time_spent_s, clicks, bundle_digest,
name, image_width, image_height. A cell without a value is empty. There are no masks in it.

A text that a spreadsheet would take for a formula gets an apostrophe before it, as OWASP's "CSV Injection" advises.
"""

from exporters.csv import write
from exporters.format import Format

FORMAT = Format(
    title="Table of annotations (CSV)",
    media_type="text/csv",
    extension=".csv",
    options=write.OPTIONS,
    losses=write.LOSSES,
    write=write.write,
    geometry=write.geometry,
)
