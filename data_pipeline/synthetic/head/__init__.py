"""The person: surface of the head, painted features, hair, clothes, landmarks."""
