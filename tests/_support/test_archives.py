"""Untrusted archives: a problem does not spread to other files, and limits hold."""

import io
import os
import stat
import tarfile
import zipfile
from datetime import UTC, datetime

import pytest

from quantlab_helpers._support.archive_members import ArchiveError
from quantlab_helpers._support.archives import (
    ArchiveLimits,
    ArchiveProblem,
    Folder,
    printable_path,
    walk_files,
    zip_bytes,
)


def zipped(files, path=None):
    target = path or io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target if path else target.getvalue()


def contents(source, **limits):
    """Return {path: content} of all that can be read, and the problems as {path: text}."""
    read, problems = {}, {}
    for item in walk_files(source, limits=ArchiveLimits()._replace(**limits)):
        if isinstance(item, ArchiveProblem):
            problems["/".join(item.trail)] = item.text
            continue
        for entry in item.entries:
            path = "/".join((*item.trail, entry.name))
            try:
                read[path] = entry.read()
            except ArchiveError as error:
                problems[path] = str(error)
    return read, problems


def test_walk_files_reads_nested_folders_and_archives(tmp_path):
    inner = zipped({"deep/02.ipynb": b"inner"})
    zipped({"s01/02.ipynb": b"plain", "s02.zip": inner}, tmp_path / "class.zip")
    (tmp_path / "s03").mkdir()
    (tmp_path / "s03" / "02.ipynb").write_bytes(b"file")
    read, problems = contents(tmp_path)
    assert read == {
        "class.zip/s01/02.ipynb": b"plain",
        "class.zip/s02.zip/deep/02.ipynb": b"inner",
        "s03/02.ipynb": b"file",
    }
    assert problems == {}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_walk_files_reads_compressed_tar(tmp_path, mode):
    path = tmp_path / "s01.tar.gz"
    with tarfile.open(path, mode) as archive:
        info = tarfile.TarInfo("week/02.ipynb")
        info.size, info.mtime = 3, 1_750_000_000
        archive.addfile(info, io.BytesIO(b"abc"))
    assert contents(path) == ({"s01.tar.gz/week/02.ipynb": b"abc"}, {})
    [folder] = walk_files(path)
    assert folder.entries[0].modified == datetime.fromtimestamp(1_750_000_000, UTC)


@pytest.mark.parametrize(
    "name",
    ["../../02.ipynb", "/etc/02.ipynb", "a/../../02.ipynb", "C:\\02.ipynb", "..\\02.ipynb"],
)
def test_walk_files_skips_path_out_of_archive(tmp_path, name):
    zipped({name: b"bad", "02.ipynb": b"good"}, tmp_path / "s01.zip")
    read, problems = contents(tmp_path / "s01.zip")
    assert read == {"s01.zip/02.ipynb": b"good"}
    assert list(problems.values()) == ["its path leads out of the archive; it was left out"]
    assert [path.name for path in tmp_path.iterdir()] == ["s01.zip"]


def test_walk_files_backslash_separates_folders(tmp_path):
    zipped({"week\\02.ipynb": b"good"}, tmp_path / "s01.zip")
    read, problems = contents(tmp_path / "s01.zip")
    assert (read, problems) == ({"s01.zip/week/02.ipynb": b"good"}, {})


def test_walk_files_skips_links_in_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("02.ipynb")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"{kind.decode()}.ipynb")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    read, problems = contents(tmp_path)
    assert read == {}
    special = "it is a symbolic link or another special file; it was left out"
    assert list(problems.values()) == [special, f"{special} (and 3 more like it)"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_walk_files_skips_links_and_pipes_in_folders(tmp_path):
    (tmp_path / "s01").mkdir()
    (tmp_path / "s01" / "02.ipynb").symlink_to("/etc/passwd")
    (tmp_path / "s02").symlink_to("/etc")
    (tmp_path / "s03").mkdir()
    os.mkfifo(tmp_path / "s03" / "02.ipynb")
    read, problems = contents(tmp_path)
    link = "it is a symbolic link; links are not followed"
    assert read == {}
    assert problems == {
        "s01/02.ipynb": link,
        "s02": link,
        "s03/02.ipynb": "is no ordinary file",
    }


def test_walk_files_stops_zip_bomb_reads_neighbours(tmp_path):
    zeros = b"\0" * (1 << 20)
    zipped({f"{i}.ipynb": zeros for i in range(40)}, tmp_path / "bomb.zip")
    zipped({"02.ipynb": b"good"}, tmp_path / "good.zip")
    read, problems = contents(tmp_path, file_bytes=2 << 20)
    assert sum(map(len, read.values())) < (11 << 20)  # 250 times the file has 10 MB
    assert read["good.zip/02.ipynb"] == b"good"
    assert "grows out of all proportion" in problems["bomb.zip/39.ipynb"]


def test_walk_files_refuses_member_over_limit(tmp_path):
    zipped({"02.ipynb": b"\0" * (5 << 20)}, tmp_path / "s01.zip")
    _, problems = contents(tmp_path, file_bytes=1 << 20)
    assert problems == {"s01.zip/02.ipynb": "has more than 1 MB"}


def test_walk_files_stops_tar_bomb(tmp_path):
    with tarfile.open(tmp_path / "s01.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("02.ipynb")
        info.size = 30 << 20
        archive.addfile(info, io.BytesIO(b"\0" * info.size))
    _, problems = contents(tmp_path, file_bytes=1 << 20)
    assert "it grows out of all proportion" in problems["s01.tar.gz"]


def test_walk_files_nested_archives_share_budget(tmp_path):
    inner = zipped({f"{i}.ipynb": b"\0" * (1 << 20) for i in range(8)})
    zipped({f"s01/{i}.zip": inner for i in range(8)}, tmp_path / "class.zip")
    read, problems = contents(tmp_path, file_bytes=2 << 20, ratio=1_000, nested_bytes=4 << 20)
    assert sum(map(len, read.values())) <= 8 * (4 << 20) and problems


def test_walk_files_big_members_leave_others_readable(tmp_path):
    files = {f"s0{i}/a.ipynb": b"\0" * (3 << 20) for i in range(9)}
    zipped({**files, "s98/z.ipynb": b"good"}, tmp_path / "class.zip")
    read, problems = contents(tmp_path, file_bytes=2 << 20)
    assert read == {"class.zip/s98/z.ipynb": b"good"}
    assert set(problems.values()) == {"has more than 2 MB"} and len(problems) == 9


def test_walk_files_nested_bombs_leave_others_readable(tmp_path):
    bomb = zipped({f"{i}.ipynb": b"\0" * (3 << 19) for i in range(3)})
    files = {f"s0{i}/a.zip": bomb for i in range(9)}
    zipped({**files, "s99/z.zip": zipped({"02.ipynb": b"good"})}, tmp_path / "class.zip")
    read, problems = contents(tmp_path, file_bytes=2 << 20)
    assert read["class.zip/s99/z.zip/02.ipynb"] == b"good"
    assert len(problems) >= 2 * 9


def test_walk_files_limits_depth(tmp_path):
    content = zipped({"02.ipynb": b"deep"})
    for level in range(6):
        content = zipped({f"{level}.zip": content})
    (tmp_path / "s01.zip").write_bytes(content)
    read, problems = contents(tmp_path)
    assert read == {} and list(problems.values()) == ["archives are packed more than 3 deep"]


def test_walk_files_limits_members(tmp_path):
    zipped({f"{i}.txt": b"" for i in range(20)}, tmp_path / "s01.zip")
    _, problems = contents(tmp_path, members=10)
    assert problems == {"s01.zip": "it holds more than 10 files; ask for the notebooks alone"}


def test_walk_files_encrypted_archive_one_problem(tmp_path):
    path = zipped({"a.ipynb": b"x" * 40, "b.ipynb": b"y" * 40}, tmp_path / "s01.zip")
    raw = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.find(signature)
        while place >= 0:
            raw[place + flags] |= 1
            place = raw.find(signature, place + 4)
    path.write_bytes(raw)
    read, problems = contents(path)
    text = "it is encrypted; ask for it without a password (and 1 more like it)"
    assert (read, problems) == ({}, {"s01.zip/a.ipynb": text})


@pytest.mark.parametrize("name", ["s01.zip", "s01.tar", "s01.tar.gz", "s01.tgz"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half of it", b"\x1f\x8b\x08", b"\0" * 99])
def test_walk_files_damaged_archive_one_problem(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    read, problems = contents(tmp_path)
    assert read == {}
    assert list(problems) == [name]
    assert any(words in problems[name] for words in ("is damaged, or no archive", "holds no files"))


def test_walk_files_survives_every_damaged_byte(tmp_path):
    whole = zipped({"02.ipynb": b"abc" * 50, "work/03.ipynb": b"def" * 50})
    path = tmp_path / "s01.zip"
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]):
            path.write_bytes(damaged)
            contents(path)


def test_walk_files_names_unsupported_archives(tmp_path):
    for name in ("s01.rar", "s02.7z"):
        (tmp_path / name).write_bytes(b"Rar!")
    _, problems = contents(tmp_path)
    text = "7z and rar archives are not read; unpack it, or ask for a zip"
    assert problems == {"s01.rar": text, "s02.7z": text}


def test_walk_files_skips_system_files(tmp_path):
    junk = {"__MACOSX/._02.ipynb": b"", ".ipynb_checkpoints/02.ipynb": b"old", ".DS_Store": b""}
    zipped({**junk, "02.ipynb": b"good"}, tmp_path / "s01.zip")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "02-checkpoint.ipynb").write_bytes(b"old")
    assert contents(tmp_path) == ({"s01.zip/02.ipynb": b"good"}, {})


def test_walk_files_zip_date_in_utc(tmp_path):
    with zipfile.ZipFile(tmp_path / "s01.zip", "w") as archive:
        info = zipfile.ZipInfo("02.ipynb", date_time=(2026, 1, 30, 12, 0, 0))
        info.extra = b"UT\x05\x00\x01" + (1_750_000_000).to_bytes(4, "little")
        archive.writestr(info, b"")
    [folder] = walk_files(tmp_path)
    assert isinstance(folder, Folder)
    assert folder.entries[0].modified == datetime.fromtimestamp(1_750_000_000, UTC)


def test_walk_files_missing_source(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no '.*gone' to collect from"):
        list(walk_files(tmp_path / "gone"))


def test_printable_path_replaces_control_characters():
    assert printable_path(("a\x1b[2J", "b\n\u202e")) == "a?[2J/b??"


def test_zip_bytes_reproducible_and_readable():
    files = {"a/02.ipynb": b"one", "b.txt": b""}
    assert zip_bytes(files) == zip_bytes(files)
    with zipfile.ZipFile(io.BytesIO(zip_bytes(files))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
