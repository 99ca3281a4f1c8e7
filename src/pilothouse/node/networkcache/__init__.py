"""The network cache: releases downloaded ready built, and given to other nodes (node spec, section 10)."""
