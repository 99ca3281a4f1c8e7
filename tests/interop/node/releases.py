"""Two releases for nodes: one that a real buildout builds, one whose buildout is a short program."""

from pathlib import Path

from tests.slaposnode import SlaposNode

# what the instance's buildout gets; the node appends who it is and how it reaches the master
BUILT = """\
[buildout]
parts = daemon healthy

[daemon]
recipe = slapos.recipe.template
output = $${buildout:directory}/etc/run/daemon
mode = 755
inline =
  #!/bin/sh
  echo running > state
  exec sleep 3600

[healthy]
recipe = slapos.recipe.template
output = $${buildout:directory}/etc/promise/healthy
mode = 755
inline =
  #!/bin/sh
  test -x etc/run/daemon
"""

QUICK = """\
#!{python}
import configparser, pathlib, sys

here = pathlib.Path.cwd()
file = configparser.RawConfigParser(strict=False)
file.read("buildout.cfg")
if "slap-connection" not in file:
    sys.exit(0)  # the release itself has nothing to build
import slapos.slap

me = file["slap-connection"]
slap = slapos.slap.slap()
slap.initializeConnection(me["server-url"], me["key-file"] or None, me["cert-file"] or None)
mine = slap.registerComputerPartition(me["computer-id"], me["partition-id"])
told = mine.getInstanceParameterDict()
url = me["software-release-url"]
if mine.getType() == "leaf":
    mine.setConnectionDict({{"echo": told["word"] + "!"}})
else:
    leaf = mine.request(url, "leaf", "leaf", partition_parameter_kw={{"word": told["word"]}}, state="started",
                        filter_kw={{"computer_guid": me["computer-id"]}})
    echo = leaf.getConnectionParameterDict().get("echo", "")
    mine.setConnectionDict({{"url": "http://" + mine.getInstanceParameterDict()["ip_list"][0][1], "echo": echo}})
    for slave in told["slave_instance_list"]:
        mine.setConnectionDict({{"url": "http://" + slave["domain"]}}, slave_reference=slave["slave_reference"])
for name, text in (
    ("etc/run/daemon", "echo $$ > pid; exec sleep 3600"),
    ("etc/promise/healthy", "test ! -e broken || {{ echo it is broken; exit 1; }}"),
):
    path = here / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\\n" + text + "\\n")
    path.chmod(0o755)
"""


def built(folder: Path) -> str:
    """Write a release that needs no package but the recipe; returns its URL."""
    folder.mkdir()
    profile = folder / "instance.cfg.in"
    profile.write_text(BUILT)
    release = folder / "software.cfg"
    release.write_text(
        "[buildout]\nparts = instance\n[instance]\nrecipe = slapos.recipe.template\n"
        f"url = {profile}\noutput = ${{buildout:directory}}/instance.cfg\n"
    )
    return str(release)


def quick(node: SlaposNode, folder: Path) -> str:
    """Put a release where the node would build it, with a buildout of our own; returns its URL.

    Its instances request one leaf, publish what that one published, and publish for their shared instances.
    """
    folder.mkdir()
    release = folder / "software.cfg"
    release.write_text("[buildout]\nparts =\n")
    where = node.release(str(release))
    (where / "bin").mkdir(parents=True)
    (where / "instance.cfg").write_text("[buildout]\n")
    buildout = where / "bin" / "buildout"
    buildout.write_text(QUICK.format(python=node.original.python))
    buildout.chmod(0o755)
    return str(release)
