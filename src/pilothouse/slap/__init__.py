"""The SLAP protocol as client and server share it: marshalled values, instance XML, and the client library."""
