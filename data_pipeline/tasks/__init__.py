"""Many independent tasks: in processes of this machine or on Apache Beam."""
