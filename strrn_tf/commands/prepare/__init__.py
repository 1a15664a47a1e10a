"""``strrn prepare``: checks a data set and writes shards."""
