"""What `make web` and `make test-web` need of Python: constants and recorded cases."""
