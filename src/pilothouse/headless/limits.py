"""The numbers of the headless protocol (spec sections 7, 10 and 17). Sizes are bytes, times are seconds."""

from typing import Final

KIB: Final = 1024

FRAME_BEFORE_LOGIN: Final = 16 * KIB
FRAME_TO_SERVER: Final = 1024 * KIB
FRAME_TO_CLIENT: Final = 256 * KIB

XML_DEPTH: Final = 8
XML_ATTRIBUTES: Final = 32
XML_ELEMENTS: Final = 512
XML_ATTRIBUTE_VALUE: Final = 4 * KIB

JOBS_PER_START: Final = 64
SNIPPET: Final = 256 * KIB
LABEL: Final = 200  # characters
PARAMETERS: Final = 64
PARAMETER_VALUE: Final = 4 * KIB
FILE_PATH: Final = 1024  # characters
USER_NAME: Final = 64  # characters
NAME: Final = 255  # characters of any name in a login: the audit log keeps it

LOG_LINE: Final = 8 * KIB
RESULT: Final = 64 * KIB
PROGRESS_PER_SECOND: Final = 2
SESSIONS_PER_LIST: Final = 200

OPENING_TIME: Final = 10.0  # preamble and hello
LOGIN_TIME: Final = 30.0
ENROL_TIME: Final = 120.0  # the client computes bcrypt meanwhile
IDLE_TIME: Final = 60.0
KEEP_ALIVE: Final = 30.0
DROP_AFTER: Final = 60.0  # two unanswered pings, or a reader that takes nothing
CLOSING_TIME: Final = 2.0
LOGIN_ATTEMPTS: Final = 3

SECRET_FILE: Final = 4 * KIB
ENROL_COST_LEAST: Final = 10
ENROL_COST_MOST: Final = 16
DEFAULT_COST: Final = 12
ITERATIONS_LEAST: Final = 4096
ITERATIONS_MOST: Final = 100_000
DEFAULT_ITERATIONS: Final = 4096

PLAIN_PORT: Final = 20000
TLS_PORT: Final = 20001
