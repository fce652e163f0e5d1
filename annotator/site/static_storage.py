"""Static files under names that carry their content's hash, so that browsers may keep them for ever."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Hashed and gzipped by `collectstatic`; relative `import` statements in our modules are rewritten to hashed names.

    An import is rewritten only when it ends with a semicolon. Before `collectstatic` has run (tests, a fresh checkout)
    files keep their plain names; once there is a manifest, a file missing from it is an error.
    """

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        return super().stored_name(name) if self.hashed_files else name
