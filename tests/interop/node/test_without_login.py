"""A node of the original and `slapos proxy start` of ours, from a real buildout to an empty partition."""

from pathlib import Path

from tests.interop.node.sites import without_login
from tests.originals import Original


def test_a_release_is_built_and_its_instance_runs_and_goes(original: Original, tmp_path: Path) -> None:
    with without_login(original, tmp_path) as site:
        node, release = site.node, site.built
        node("format", "--now")
        site.slapos("supply", release, node.computer)
        assert f"Installing software release {release} ..." in node("software").said
        assert "sleep" in (node.release(release) / "instance.cfg").read_text()
        assert "State is : started." in site.request("built", release).said
        assert "Requested start of slappart0..." in node("instance").said
        assert "slappart0:daemon" in node("status", code=None).out
        assert (node.partition(0) / "etc" / "promise" / "healthy").exists()
        site.request("built", release, "--state", "destroyed")
        node("report")
        assert list(node.partition(0).iterdir()) == []
        site.slapos("remove", release, node.computer)
        node("software")
        assert not node.release(release).exists()
        with site.library() as library:
            computer = library.registerComputer(node.computer)
            assert [each.getState() for each in computer.getComputerPartitionList()] == ["destroyed", "destroyed"]
            assert list(computer.getSoftwareReleaseList()) == []
