#!/usr/bin/env bash
# A short countdown on each target node.
for step in 3 2 1; do
  echo "INFO: $step, on node $NODE_NAME ($NODE_HOST), host $(uname -n)"
  sleep 0.1
done
echo "FINE: done on node $NODE_NAME"
