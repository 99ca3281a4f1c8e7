#!/bin/sh
# A promise: the database answers a query. A program that was just deployed may need some seconds; the node has written
# buildout.cfg before it started it. query.sh BIN HOST PORT
bin=$1 host=$2 port=$3
until answer=$("$bin/psql" -X --no-password -h "$host" -p "$port" -U app -d app -tAc 'SELECT 40 + 2' 2>&1) &&
  [ "$answer" = 42 ]; do
  age=$(($(date +%s) - $(stat -c %Y buildout.cfg)))
  if [ "$age" -ge 15 ]; then
    echo "the database at $host port $port does not answer: $answer"
    exit 1
  fi
  sleep 0.2
done
echo "the database at $host port $port answers"
