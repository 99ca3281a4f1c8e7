#!/usr/bin/env bash
# A short countdown on the runner.
for step in 3 2 1; do
  echo "INFO: $step, on runner $(uname -n), phase $AUTOEXEC_PHASE_NAME"
  sleep 0.1
done
echo "FINE: done on runner $(uname -n)"
