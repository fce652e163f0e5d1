"""However far an old data folder was brought up to date, the next try finishes it; a newer one is refused."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.annotator.world import Installation
from tests.setup.test_old_data_folder import ARCHIVE


@pytest.fixture
def old_folder(tmp_path: Path) -> Installation:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return Installation(tmp_path / "data")


RIGHTS = """
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
users = {user.username: user for user in get_user_model().objects.all()}
print(sorted(users["vera"].get_all_permissions()), "annotator.view_user" in users["bob"].get_all_permissions())
print(Permission.objects.filter(codename="view_user").count(), ContentType.objects.filter(model="user").count())
print(LogEntry.objects.get(object_repr="bob").content_type.app_label)
"""


def check_rights(folder: Installation) -> None:
    assert folder.python(RIGHTS).splitlines() == ["['annotator.change_user'] True", "1 1", "annotator"]


@pytest.mark.parametrize("first", [["sessions"], ["auth"], ["contenttypes"], ["annotator", "0002"]])
def test_an_upgrade_in_parts_ends_as_one_in_whole(old_folder, first):
    old_folder.manage("migrate", *first)  # makes a content type for the user model, too
    old_folder.manage("migrate")
    check_rights(old_folder)


def test_an_upgrade_can_be_taken_back_and_done_again(old_folder):
    old_folder.manage("migrate")
    old_folder.manage("migrate", "annotator", "0002")
    # The old version's own migrate makes what its user model had.
    old_folder.python(
        "from django.contrib.auth.models import Permission;"
        "from django.contrib.contenttypes.models import ContentType;"
        "former, _ = ContentType.objects.get_or_create(app_label='auth', model='user');"
        "Permission.objects.get_or_create(content_type=former, codename='view_user', name='Can view user')"
    )
    old_folder.manage("migrate")
    check_rights(old_folder)


TOKENS = """
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from annotator.models import ApiToken
from annotator.people import tokens
print([tokens.find(token).user.username for token in {tokens!r}])
print({{(row.name, row.expires_at, row.by_password) for row in ApiToken.objects.all()}})
print([name for name in connection.introspection.table_names() if "authtoken" in name])
print(ContentType.objects.filter(app_label="authtoken").count())
"""


def test_tokens_of_a_former_version_are_digests_afterwards_and_go_on_working(old_folder):
    expected = json.loads((old_folder.data_dir / "expected.json").read_text())["tokens"]
    old_folder.manage("migrate")
    assert old_folder.python(TOKENS.format(tokens=list(expected.values()))).splitlines() == [
        repr(list(expected)),
        "{('From before tokens had names', None, False)}",
        "[]",
        "0",
    ]
    # Nor do they lie in free pages of the file, or beside it.
    for file in old_folder.data_dir.glob("maskwright.sqlite3*"):
        content = file.read_bytes()
        assert [name for name, token in expected.items() if token.encode() in content] == [], file


def test_a_migration_and_the_note_that_it_was_done_are_one_transaction(tmp_path):
    """Else a process killed between the two leaves a database that no migration fits any more."""
    said = Installation(tmp_path).python(
        """
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
apart = []
record = MigrationExecutor.record_migration
def watched(self, migration):
    if migration.app_label == "annotator" and not connection.in_atomic_block:
        apart.append(migration.name)
    record(self, migration)
MigrationExecutor.record_migration = watched
call_command("migrate", verbosity=0)
print([name for name in apart if name > "0003"])
"""
    )
    assert said.strip() == "[]"


@pytest.mark.parametrize(
    "start", [["manage.py", "prepare_site"], ["manage.py", "worker"], ["-c", "import annotator.wsgi"]]
)
def test_a_data_folder_of_a_newer_version_is_refused(tmp_path, start):
    folder = Installation(tmp_path)
    folder.manage("migrate", "--verbosity", "0")
    folder.python(
        "from django.db.migrations.recorder import MigrationRecorder; from django.db import connection;"
        "MigrationRecorder(connection).record_applied('annotator', '9999_of_the_future')"
    )
    process = folder.start(*start)
    try:
        assert process.wait(timeout=60) != 0
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    said = (tmp_path / "process.log").read_text()
    assert "newer version" in said and "9999_of_the_future" in said
    assert "Traceback" not in said or "wsgi" in start[-1]


def test_the_web_server_says_that_the_tables_are_not_up_to_date(tmp_path):
    process = Installation(tmp_path).start("-c", "import annotator.wsgi")
    assert process.wait(timeout=60) != 0
    assert "manage.py migrate" in (tmp_path / "process.log").read_text()
