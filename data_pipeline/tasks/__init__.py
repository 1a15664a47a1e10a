"""Many tasks of one kind: in processes or on Apache Beam."""
