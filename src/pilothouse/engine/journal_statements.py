"""The journal's tables and all SQL that writes and reads them."""

from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS run (
  number INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, pid INTEGER NOT NULL,
  user TEXT NOT NULL, digest TEXT NOT NULL, plan BLOB NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS phase (
  phase TEXT PRIMARY KEY, state TEXT NOT NULL, run INTEGER NOT NULL, started REAL, ended REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node (
  phase TEXT NOT NULL, resource_id INTEGER NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
  run INTEGER NOT NULL, started REAL NOT NULL, ended REAL, warnings INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (phase, resource_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operation (
  phase TEXT NOT NULL, resource_id INTEGER NOT NULL, operation TEXT NOT NULL, state TEXT NOT NULL,
  token TEXT NOT NULL, started REAL NOT NULL, ended REAL, code INTEGER, reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (phase, resource_id, operation)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS output (
  resource_id INTEGER NOT NULL, operation TEXT NOT NULL, data TEXT NOT NULL,
  PRIMARY KEY (resource_id, operation)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS question (
  phase TEXT NOT NULL, resource_id INTEGER NOT NULL, asked REAL NOT NULL, interact TEXT NOT NULL,
  PRIMARY KEY (phase, resource_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS published (
  phase TEXT NOT NULL, resource_id INTEGER NOT NULL, PRIMARY KEY (phase, resource_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lock (id TEXT PRIMARY KEY, request TEXT NOT NULL) WITHOUT ROWID;
"""
VERSION: Final = 2

BEGIN_RUN: Final = "INSERT INTO run VALUES (?, ?, NULL, ?, ?, ?, ?, 'running')"
END_RUN: Final = "UPDATE run SET ended = ?, state = ? WHERE number = ?"
SET_PHASE: Final = "INSERT OR REPLACE INTO phase VALUES (?, ?, ?, ?, ?)"
START_NODE: Final = "INSERT OR REPLACE INTO node VALUES (?, ?, ?, 'running', ?, ?, NULL, 0, '')"
END_NODE: Final = "UPDATE node SET state = ?, ended = ?, warnings = ?, reason = ? WHERE phase = ? AND resource_id = ?"
START_OPERATION: Final = "INSERT OR REPLACE INTO operation VALUES (?, ?, ?, 'running', ?, ?, NULL, NULL, '')"
END_OPERATION: Final = (
    "UPDATE operation SET state = ?, ended = ?, code = ?, reason = ?"
    " WHERE phase = ? AND resource_id = ? AND operation = ?"
)
SET_NODE: Final = "UPDATE node SET state = ? WHERE phase = ? AND resource_id = ?"
ASK: Final = "INSERT OR REPLACE INTO question VALUES (?, ?, ?, ?)"
UNASK: Final = "DELETE FROM question WHERE phase = ? AND resource_id = ?"
UNASK_ALL: Final = "DELETE FROM question"
PUBLISH: Final = "INSERT OR IGNORE INTO published VALUES (?, ?)"
RESET: Final = (
    "DELETE FROM operation WHERE phase = ? AND resource_id = ?",
    "DELETE FROM node WHERE phase = ? AND resource_id = ?",
    "DELETE FROM published WHERE phase = ? AND resource_id = ?",
)
HOLD: Final = "INSERT OR REPLACE INTO lock VALUES (?, ?)"
DROP: Final = "DELETE FROM lock WHERE id = ?"
STORE_OUTPUT: Final = "INSERT OR REPLACE INTO output VALUES (?, ?, ?)"
DROP_OUTPUT: Final = "DELETE FROM output WHERE resource_id = ? AND operation = ?"
LEARN: Final = "INSERT OR IGNORE INTO fact VALUES (?, ?)"
NOTE: Final = "INSERT OR REPLACE INTO fact VALUES (?, ?)"
FORGET: Final = ("DELETE FROM operation", "DELETE FROM node", "DELETE FROM phase", "DELETE FROM published")

NODES: Final = "SELECT phase, resource_id, state FROM node"
NODE_ROWS: Final = (
    "SELECT phase, resource_id, key, state, started, ended, warnings, reason FROM node ORDER BY phase, resource_id"
)
OPERATIONS: Final = "SELECT phase, resource_id, operation, state, token, code FROM operation"
OPERATION_ROWS: Final = (
    "SELECT phase, resource_id, operation, state, started, ended, code, reason FROM operation"
    " ORDER BY phase, resource_id, started"
)
QUESTIONS: Final = (
    "SELECT phase, resource_id, key, asked, interact FROM question JOIN node USING (phase, resource_id) ORDER BY asked"
)
PUBLISHED: Final = "SELECT phase, resource_id FROM published"
LAST_RUN: Final = "SELECT coalesce(max(number), 0) FROM run"
FACTS: Final = "SELECT name, value FROM fact"
LOCKS: Final = "SELECT request FROM lock ORDER BY id"
WARNED: Final = "SELECT phase, resource_id, warnings FROM node WHERE warnings > 0"
OUTPUTS: Final = "SELECT operation, data FROM output WHERE resource_id = ?"
OUTPUT_NODES: Final = "SELECT DISTINCT resource_id FROM output"
RUNS: Final = "SELECT number, started, ended, pid, user, digest, state FROM run ORDER BY number"
PHASES: Final = "SELECT phase, state, run, started, ended FROM phase ORDER BY started"
