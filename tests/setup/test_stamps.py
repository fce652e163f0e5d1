from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scripts.stamps import fingerprint, is_current, locked, tree_fingerprint, write_stamp

ROOT = Path(__file__).resolve().parents[2]


def test_a_fingerprint_changes_with_every_part_and_with_their_borders(tmp_path):
    path = tmp_path / "file"
    missing = fingerprint(path)
    path.write_text("")
    assert (
        len({missing, fingerprint(path), fingerprint("a"), fingerprint("ab", "c"), fingerprint("a", "bc")})
        == 5
    )


def test_a_tree_changes_when_a_file_comes_goes_or_is_written(tmp_path):
    seen = [tree_fingerprint([tmp_path])]
    path = tmp_path / "below" / "a.css"
    path.parent.mkdir()
    path.write_text("a")
    seen.append(tree_fingerprint([tmp_path]))
    os.utime(path, (1, 1))
    seen.append(tree_fingerprint([tmp_path]))
    path.unlink()
    assert len(set(seen)) == 3
    assert tree_fingerprint([tmp_path]) == seen[0]


def test_a_stamp_is_current_until_its_value_changes(tmp_path):
    stamp = tmp_path / ".stamp"
    assert not is_current(stamp, "one")
    write_stamp(stamp, "one")
    assert is_current(stamp, "one")
    assert not is_current(stamp, "two")
    assert [path.name for path in tmp_path.iterdir()] == [".stamp"]


def test_a_lock_keeps_another_process_out_and_ends_with_its_holder(tmp_path):
    path = tmp_path / "deep" / "run.lock"
    code = (
        "import sys; from pathlib import Path; from scripts.stamps import locked\n"
        "with locked(Path(sys.argv[1]), wait=False) as got: print(got, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    holder = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "True\n"
        with locked(path, wait=False) as got:
            assert not got
    finally:
        holder.kill()
        holder.communicate()
    with locked(path, wait=False) as got:
        assert got
