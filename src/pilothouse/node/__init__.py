"""ACTOR: keeps one machine as declared: format, software, instance, report, promises, supervision."""
