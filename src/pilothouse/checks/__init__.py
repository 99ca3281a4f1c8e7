"""PURE: one check object (sense, test, anomaly): promise, gate between rounds, monitor."""
