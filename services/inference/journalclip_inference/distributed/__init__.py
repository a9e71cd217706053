"""The server as several processes: encoders, indexes and front doors, each replicated on its own, one champion for all.

Three things hold however many replicas there are, and while they are replaced, added or killed:

- A query's vector carries the `Served` of the model that made it, and an index replica answers from the collection of
  that very `Served`, or opens it first. So an answer never mixes two models, whatever each replica has in service.
- Replicas come up with the champion and are told of a new one in order: every index opens it, every encoder verifies
  and warms it, then every encoder switches. Until the last step all answers are the old champion's.
- The `Conductor` has no memory: it asks the replicas where they are and brings those along that lag, so a replica
  that was started while others switched, and a conductor that was killed between two steps, need no special case.

The classes here know nothing of Ray; `journalclip_inference.ray_app` makes deployments of them.
"""
