#!/bin/sh
# Make a cluster with one user and one database of the same name: cluster.sh BIN DATA NAME PASSWORD_FILE
# It is made beside its place and gets its name when it is complete, so that half of one is never used.
set -eu
bin=$1 data=$2 name=$3 password=$4
mkdir -p "${data%/*}"
rm -rf "$data.new"
"$bin/initdb" --pgdata="$data.new" --username="$name" --pwfile="$password" --auth=scram-sha-256 \
  --encoding=UTF8 --locale=C
printf 'CREATE DATABASE "%s"\n' "$name" | "$bin/postgres" --single -D "$data.new" postgres
mv "$data.new" "$data"
