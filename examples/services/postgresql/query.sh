#!/bin/sh
# A promise: the database answers a query; after a start it may need some seconds. query.sh BIN HOST PORT
bin=$1 host=$2 port=$3
for attempt in 1 2 3 4 5; do
  answer=$("$bin/psql" -X --no-password -h "$host" -p "$port" -U app -d app -tAc 'SELECT 40 + 2' 2>&1)
  [ "$answer" = 42 ] && exec echo "the database at $host port $port answers"
  sleep 1
done
echo "the database at $host port $port does not answer: $answer"
exit 1
