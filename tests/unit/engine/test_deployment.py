"""The deployment context (spec section 1.8)."""

from pathlib import Path

from pilothouse.engine.deployment import context, id_path, inputs, names

DATA = Path("/srv/data")


def test_a_job_that_deploys_nothing_has_no_context() -> None:
    assert context(inputs({"VERSION": "1"}, {}), DATA, "/opt") == {}


def test_the_jobs_environment_goes_before_the_processs() -> None:
    assert inputs({"DEPLOY_PATH": "/a/b/"}, {"DEPLOY_PATH": "c/d", "VERSION": "2", "OTHER": "x"}) == {
        "DEPLOY_PATH": "a/b",
        "VERSION": "2",
    }


def test_every_documented_variable() -> None:
    given = {"DEPLOY_PATH": "s/m/e", "DEPLOY_ID_PATH": "1/2/3", "VERSION": "9", "BUILD_NO": "4"}
    root = "/srv/data/verdata/1/2"
    assert context(given, DATA, "/opt/ax") == {
        **given,
        "NAME_PATH": "s/m/e",
        "SYS_NAME": "s",
        "MODULE_NAME": "m",
        "ENV_NAME": "e",
        "ID_PATH": "1/2/3",
        "SYS_ID": "1",
        "MODULE_ID": "2",
        "ENV_ID": "3",
        "DATA_PATH": root,
        "VER_ROOT": f"{root}/artifact/9",
        "PRJ_ROOT": f"{root}/workspace",
        "PRJ_PATH": f"{root}/workspace/project",
        "MIRROR_ROOT": f"{root}/artifact/mirror",
        "BUILD_ROOT": f"{root}/artifact/9/build",
        "BUILD_PATH": f"{root}/artifact/9/build/4",
        "DIST_ROOT": f"{root}/artifact/9/env",
        "APP_DIST": f"{root}/artifact/9/env/3/app",
        "DB_SCRIPT": f"{root}/artifact/9/env/3/db",
        "TOOLS_PATH": "/opt/ax/tools",
    }


def test_parts_that_are_missing_leave_their_variables_out() -> None:
    found = context({"DEPLOY_PATH": "s/m", "DEPLOY_ID_PATH": "1/2"}, DATA, "")
    assert "ENV_NAME" not in found
    assert "APP_DIST" not in found
    assert "VER_ROOT" not in found
    assert names({"DEPLOY_PATH": "s/m"}) == {"SYS_NAME": "s", "MODULE_NAME": "m"}
    assert id_path({"sysId": 1, "moduleId": 2, "envId": None}) == "1/2"
