"""The addresses of the control server's calls (spec section 9)."""

from typing import Final

_REST: Final = "/neatlogic/api/rest/"
_BINARY: Final = "/neatlogic/api/binary/"

PARAMS: Final = _REST + "autoexec/job/create/param/get"
NODES: Final = _BINARY + "autoexec/job/phase/nodes/download"
FILE: Final = _BINARY + "file/download"
SCRIPT: Final = _BINARY + "autoexec/job/phase/operation/script/get/forautoexec"
NODE_STATUS: Final = _REST + "autoexec/job/phase/node/status/update"
PHASE_STATUS: Final = _REST + "autoexec/job/phase/status/update"
JOB_STATUS: Final = _REST + "autoexec/job/status/update"
FIRE_NEXT: Final = _REST + "autoexec/job/next/group/fire"
ROUND_ENDED: Final = _REST + "autoexec/job/phase/inform/round/end"
SET_VARIABLE: Final = _REST + "autoexec/job/env/update"
SET_GLOBAL: Final = _REST + "autoexec/global/param/update/forautoexec"
ACCOUNT: Final = _REST + "resourcecenter/resource/account/get"
LOCK: Final = _REST + "global/lock"
DEPLOY_IDS: Final = _REST + "resourcecenter/resource/appidmoduleidenvid/get"
DEPLOY_RUNNERS: Final = _REST + "deploy/runner/group/get/forautoexec"
REGISTER: Final = _REST + "autoexec/tool/register"
UNREGISTER: Final = _REST + "autoexec/tool/batch/delete"
JOB_CREATE: Final = _REST + "autoexec/job/from/combop/create/public"
JOB_REFIRE: Final = _REST + "autoexec/job/refire"
JOB_STATE: Final = _REST + "autoexec/job/status/get"
SQL_LIST: Final = _REST + "autoexec/job/sql/list"
SQL_CHECKIN: Final = _REST + "autoexec/job/sql/checkin"
SQL_UPDATE: Final = _REST + "autoexec/job/sql/update"


def name_of(path: str) -> str:
    """Return a call as messages name it."""
    return path.removeprefix(_REST).removeprefix(_BINARY)
