"""Generated tests are the same ones every time, and as slow as the machine is."""

from hypothesis import settings

settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.load_profile("same")
