"""Who somebody is and what they may do: here, how a request proves who sent it."""
