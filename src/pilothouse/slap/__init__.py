"""The client library of a SlapOS master, and the marshalling that client and server share."""
