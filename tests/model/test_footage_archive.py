"""Unpacking archives that nobody vouches for."""

import io
import stat
import tarfile
import zipfile

import pytest

from model.errors import BadInput
from model.footage.archive import unpack

FILES = {"ped/Train/1.png": b"one" * 1000, "ped/Train/2.png": b"two" * 1000}


def tar_member(name, kind=tarfile.REGTYPE, content=b"x", link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content) if kind == tarfile.REGTYPE else 0
    return info, content


def make_tar(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return path


def make_zip(path, files, mode=0):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            bundle.writestr(info, content)
    return path


def make(path, files=FILES):
    if path.suffix == ".zip":
        return make_zip(path, files)
    return make_tar(path, [tar_member("./ped", tarfile.DIRTYPE), *(tar_member(n, content=c) for n, c in files.items())])


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.zip", "A.ZIP"])
def test_files_come_out_as_they_went_in(tmp_path, name):
    archive = make(tmp_path / name) if name != "A.ZIP" else make_zip(tmp_path / name, FILES)
    unpack(archive, tmp_path / "out", 1)
    assert {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*.png")} == FILES


def other_kind(tmp):
    (tmp / "a.tar.gz").write_bytes(b"not an archive at all")
    return tmp / "a.tar.gz"


def truncated(name, share):
    def archive(tmp):
        path = make(tmp / name, {f"{k}.bin": bytes(range(256)) * 40 for k in range(20)})
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share) if share < 1 else -int(share)])
        return path

    return archive


def tar_of(*members):
    return lambda tmp: make_tar(tmp / "a.tar.gz", [tar_member("ok.png"), *members])


def zip_of(name, mode=0, content=b"x"):
    return lambda tmp: make_zip(tmp / "a.zip", {"ok.png": b"x", name: content}, mode)


def zip_that_lies(tmp):
    """The directory at its end says 10 bytes; the stream holds 3 MB."""
    path = make_zip(tmp / "a.zip", {"big.bin": bytes(3_000_000)})
    data = path.read_bytes().replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        pytest.param(lambda tmp: tmp / "a.zip", "no such file", id="missing"),
        pytest.param(lambda tmp: make_zip(tmp / "a.rar", FILES), r"expected .tar.gz, .tgz or .zip", id="other suffix"),
        pytest.param(other_kind, "whole archive", id="not an archive"),
        pytest.param(truncated("a.tar.gz", 0.5), "whole archive", id="half a tar"),
        pytest.param(truncated("a.tar.gz", 4.0), "whole archive", id="a tar without its checksum"),
        pytest.param(truncated("a.zip", 0.5), "whole archive", id="half a zip"),
        pytest.param(tar_of(tar_member("../evil")), r"Received: ../evil", id="climbs, tar"),
        pytest.param(zip_of("a/../../evil"), r"Received: a/../../evil", id="climbs, zip"),
        pytest.param(tar_of(tar_member("/tmp/evil")), "Received: /tmp/evil", id="absolute, tar"),
        pytest.param(zip_of("/tmp/evil"), "Received: /tmp/evil", id="absolute, zip"),
        pytest.param(zip_of("..\\evil"), "below the archive's own top", id="climbs where backslashes separate"),
        pytest.param(tar_of(tar_member("l", tarfile.SYMTYPE, link="/etc")), "l, a link or device", id="symbolic link"),
        pytest.param(tar_of(tar_member("l", tarfile.LNKTYPE, link="ok.png")), "l, a link or device", id="hard link"),
        pytest.param(tar_of(tar_member("d", tarfile.CHRTYPE)), "d, a link or device", id="device"),
        pytest.param(tar_of(tar_member("f", tarfile.FIFOTYPE)), "f, a link or device", id="pipe"),
        pytest.param(zip_of("l", stat.S_IFLNK | 0o777), ", a link", id="symbolic link, zip"),
        pytest.param(tar_of(tar_member("ok.png")), "each name once. Received: ok.png", id="overwrites"),
        pytest.param(tar_of(tar_member("ok.png/x")), "each name once", id="a file as a directory"),
        pytest.param(tar_of(tar_member("big", content=bytes(3_000_000))), "max_expansion_mb", id="bomb, tar"),
        pytest.param(zip_of("big", content=bytes(3_000_000)), "max_expansion_mb", id="bomb, zip"),
        pytest.param(zip_that_lies, "max_expansion_mb|whole archive", id="size in the header is not believed"),
    ],
)
def test_refused_and_nothing_left(tmp_path, archive, message):
    (tmp_path / "in").mkdir()
    with pytest.raises(BadInput, match=message) as caught:
        unpack(archive(tmp_path / "in"), tmp_path / "out", 2)
    assert "Received: " in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_many_small_files_count_together(tmp_path):
    archive = make(tmp_path / "a.zip", {f"{k}": bytes(400_000) for k in range(6)})
    with pytest.raises(BadInput, match="max_expansion_mb"):
        unpack(archive, tmp_path / "out", 2)


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    with pytest.raises(BadInput, match="out: expected a name that is free"):
        unpack(make(tmp_path / "a.zip"), tmp_path / "out", 1)
    assert (tmp_path / "out" / "mine").read_text() == "kept"
