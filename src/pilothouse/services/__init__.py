"""PURE: what a service is: releases, instances, partitions, allocation, trees, states, usage. No I/O here."""
