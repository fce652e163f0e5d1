"""Makes data_folder_5168d33.tar.xz: a data folder as revision 5168d33 left it, with what its API said about it.

Run with that revision's checkout as the current folder, and with this tree's Python environment:

    git worktree add /tmp/old 5168d33 && cd /tmp/old
    TREE=/path/to/this/tree DATA_DIR=/tmp/old_data VENV/bin/python $TREE/tests/data/make_old_data_folder.py \\
        $TREE/tests/data/data_folder_5168d33.tar.xz

Left out of the archive: all decoders but flat's ONNX file (they are megabytes and are exported again from the bundles),
collected static files and logs.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

PASSWORDS = {
    "alice": "correct horse 1",
    "bob": "battery staple 2",
    "vera": "viewing only 3",
    "sam": "staff and all 4",
    "ina": "switched off 5",
}
LEFT_OUT = {"staticfiles", "logs", "run.lock", "maskwright.sqlite3-wal", "maskwright.sqlite3-shm"}
WORKER_TIMEOUT_S = 300


def main(archive: Path) -> None:
    sys.path.insert(0, os.getcwd())
    os.environ["DJANGO_SETTINGS_MODULE"] = "annotator.settings"
    import django

    django.setup()
    from django.conf import settings

    settings.ALLOWED_HOSTS.append("testserver")
    manage("prepare_site", "--skip-static", "--no-demo")
    make_small_bundle(settings.DATA_DIR.parent / "flat")
    manage("install_bundle", str(settings.DATA_DIR.parent / "flat"))
    facts = fill(settings.DATA_DIR)
    # Everything of the write-ahead log goes into the one file that the archive carries.
    from django.db import connection

    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    (settings.DATA_DIR / "expected.json").write_text(json.dumps(facts, indent=1, sort_keys=True))
    with tarfile.open(archive, "w:xz", preset=9) as file:
        for path in sorted(settings.DATA_DIR.iterdir()):
            if path.name not in LEFT_OUT:
                file.add(path, f"data/{path.name}", filter=without_large_decoders)
    print(f"{archive}: {archive.stat().st_size} bytes")


def without_large_decoders(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    is_large = entry.name.startswith("data/decoders/") and (".fast-" in entry.name or entry.size > 1_000_000)
    return None if is_large else entry


def manage(*arguments: str) -> None:
    subprocess.run([sys.executable, "manage.py", *arguments], check=True)


def make_small_bundle(directory: Path) -> None:
    """The tests' tiny network under the name `flat`, made such that weights and embeddings compress.

    Every tensor has two values, and positions are zero: equal patches of an image get equal embeddings.
    """
    import safetensors.torch

    from segmentation.bundle import write_manifest
    from segmentation.families.sam import manifest_fields
    from segmentation.families.tiny import make_tiny_bundle

    make_tiny_bundle(directory, name="flat")
    weights = safetensors.torch.load_file(directory / "weights.safetensors")
    two_valued = {
        name: tensor * 0
        if "pos" in name and "vision_encoder" in name
        else tensor.sign() * tensor.abs().mean()
        for name, tensor in weights.items()
    }
    safetensors.torch.save_file(two_valued, directory / "weights.safetensors")
    write_manifest(directory, manifest_fields("flat", "tiny", "Flat, two-valued weights", "Apache-2.0"))


def fill(data_dir: Path) -> dict:
    """Users, projects, images, masks, exports through the API; returns what the API says about them in the end."""
    from django.contrib.admin.models import CHANGE, LogEntry
    from django.contrib.auth.models import Group, Permission, User
    from django.contrib.contenttypes.models import ContentType
    from django.contrib.sessions.models import Session
    from django.test import Client
    from rest_framework.test import APIClient

    users = {name: User.objects.create_user(name, password=password) for name, password in PASSWORDS.items()}
    User.objects.filter(username="sam").update(is_staff=True, is_superuser=True)
    User.objects.filter(username="ina").update(is_active=False)
    team = Group.objects.create(name="Team")
    team.permissions.add(Permission.objects.get(codename="view_user"))
    team.permissions.add(Permission.objects.get(codename="view_image"))
    users["bob"].groups.add(team)
    users["vera"].user_permissions.add(Permission.objects.get(codename="change_user"))
    LogEntry.objects.create(
        user=users["sam"],
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(users["bob"].pk),
        object_repr="bob",
        action_flag=CHANGE,
        change_message="put into Team",
    )
    signed_in = Client()
    assert signed_in.login(username="bob", password=PASSWORDS["bob"])
    session = signed_in.session
    Session.objects.filter(pk=session.session_key).update(expire_date=datetime(2099, 1, 1, tzinfo=UTC))
    Client().post("/login/", {"username": "alice", "password": "wrong"})  # counted as a failed sign-in

    tokens, people = {}, {}
    for name in ("alice", "bob", "vera", "sam"):
        people[name] = APIClient()
        credentials = {"username": name, "password": PASSWORDS[name]}
        tokens[name] = answer(people[name].post("/api/auth/token/", credentials))["token"]
        people[name].credentials(HTTP_AUTHORIZATION=f"Token {tokens[name]}")
    alice, bob = people["alice"], people["bob"]

    cats = answer(
        alice.post("/api/projects/", {"name": "Cats", "description": "Kept over the years", "bundle": "flat"})
    )
    flat = answer(alice.post("/api/projects/", {"name": "Flat land", "bundle": "flat"}))
    plans = answer(alice.post("/api/projects/", {"name": "Plans"}))  # with the default bundle, pocket
    for project, username, role in (
        (cats, "bob", "annotator"),
        (cats, "vera", "viewer"),
        (flat, "bob", "manager"),
    ):
        answer(alice.post(f"/api/projects/{project['id']}/members/", {"username": username, "role": role}))
    categories = {
        name: answer(alice.post(f"/api/projects/{project['id']}/categories/", {"name": name, "color": color}))
        for project, name, color in (
            (cats, "cat", "#1f77b4"),
            (cats, "dog", "#ff7f0e"),
            (flat, "square", "#2ca02c"),
        )
    }
    images = {}
    # Two after one another, then one of another project, then one of the first: ids and names disagree in order.
    for project, name, shade in (
        (cats, "c.png", 10),
        (cats, "a.jpg", 90),
        (flat, "s.png", 10),
        (cats, "b.png", 170),
    ):
        body = {"files": [picture(name, shade)]}
        sent = alice.post(f"/api/projects/{project['id']}/images/", body, format="multipart")
        images[name] = answer(sent)["results"][0]

    worker = subprocess.Popen([sys.executable, "manage.py", "worker"])
    try:
        first = annotate(bob, images["c.png"], categories["cat"], top=3)
        deleted = annotate(bob, images["c.png"], categories["dog"], top=9)
        answer(bob.delete(f"/api/annotations/{deleted['id']}/"))
        annotate(alice, images["s.png"], categories["square"], top=5, prompt=None)
        change = {"version": first["version"], "category": categories["dog"]["id"]}
        answer(bob.patch(f"/api/annotations/{first['id']}/", change))
        answer(bob.patch(f"/api/images/{images['a.jpg']['id']}/", {"state": "done"}))
        exports = [
            answer(alice.post(f"/api/projects/{cats['id']}/exports/", body))
            for body in (
                {"format": "coco"},
                {"format": "coco", "include_images": True, "segmentation": "both"},
            )
        ]
        wait_until_ready(alice, cats, flat, exports)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait()
    # With nobody to take them: an export and an image that wait, and their wake-ups in the broker's folder.
    answer(alice.post(f"/api/projects/{cats['id']}/exports/", {"format": "coco", "states": ["done"]}))
    body = {"files": [picture("waiting.png", 240)]}
    answer(alice.post(f"/api/projects/{plans['id']}/images/", body, format="multipart"))
    assert list((data_dir / "broker/messages").iterdir()), "no wake-up waits"
    return {
        "passwords": PASSWORDS,
        "tokens": tokens,
        "session": session.session_key,
        "deleted_annotation": deleted["id"],
        "answers": read_all(people["sam"], [cats["id"], flat["id"], plans["id"]]),
    }


def picture(name: str, shade: int) -> io.BytesIO:
    """A bright square on a dark ground, 64 x 48 pixels."""
    from PIL import Image

    image = Image.new("RGB", (64, 48), (shade, shade, shade))
    image.paste((255 - shade, shade, 200), (16, 12, 40, 36))
    file = io.BytesIO()
    image.save(file, "JPEG" if name.endswith(".jpg") else "PNG")
    file.seek(0)
    file.name = name
    return file


def annotate(client, image: dict, category: dict, *, top: int, prompt: dict | None | bool = True) -> dict:
    import numpy as np

    from segmentation import rle

    mask = np.zeros((image["height"], image["width"]), bool)
    mask[top : top + 20, 4:30] = True
    if prompt is True:
        prompt = {
            "point_coords": [[10.5, top + 4.25], [50.0, 40.0]],
            "point_labels": [1, 0],
            "box": [4, top, 30, top + 20],
            "box_step": 1,
            "mask_indices": [1, 0, 0],
        }
    body = {
        "id": str(uuid.uuid4()),
        "category": category["id"],
        "segmentation": rle.encode(mask),
        "prompt": prompt,
        "predicted_iou": 0.875,
        "stability_score": 0.75,
        "bundle_digest": "",
        "time_spent_s": 2.5,
        "clicks": 3,
    }
    return answer(client.post(f"/api/images/{image['id']}/annotations/", body, format="json"))


def wait_until_ready(client, cats: dict, flat: dict, exports: list[dict]) -> None:
    deadline_s = time.monotonic() + WORKER_TIMEOUT_S
    addresses = [f"/api/exports/{export['id']}/" for export in exports]
    while time.monotonic() < deadline_s:
        rows = [answer(client.get(address))["state"] for address in addresses]
        for project in (cats, flat):
            listed = answer(client.get(f"/api/projects/{project['id']}/images/"))["results"]
            rows += [row["embedding_state"] for row in listed]
        if set(rows) == {"ready"}:
            return
        time.sleep(0.5)
    raise SystemExit(f"not ready in time: {rows}")


def read_all(client, project_ids: list[int]) -> dict:
    """Address -> what it answers: JSON as it is, files as their sha256."""
    addresses = ["/api/projects/", "/api/bundles/"]
    for project in project_ids:
        under = f"/api/projects/{project}"
        addresses += [
            f"{under}/",
            f"{under}/categories/",
            f"{under}/members/",
            f"{under}/images/",
            f"{under}/exports/",
        ]
    answers = {address: answer(client.get(address)) for address in addresses}
    rows = [row for project in project_ids for row in answers[f"/api/projects/{project}/images/"]["results"]]
    files = []
    for row in rows:
        under = f"/api/images/{row['id']}"
        answers[f"{under}/annotations/"] = answer(client.get(f"{under}/annotations/"))
        files += [f"{under}/file/", f"{under}/thumbnail/"]
        files += [f"{under}/embedding/"] if row["embedding_state"] == "ready" else []
    for project in project_ids:
        for row in answers[f"/api/projects/{project}/exports/"]["results"]:
            files += [row["file_url"]] if row["state"] == "ready" else []
    for address in files:
        content = b"".join(client.get(address).streaming_content)
        answers[address] = {"sha256": hashlib.sha256(content).hexdigest()}
    return answers


def answer(response):
    assert response.status_code < 300, (
        f"{response.request['PATH_INFO']}: {response.status_code} {response.content}"
    )
    return response.json() if response.content else None


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
