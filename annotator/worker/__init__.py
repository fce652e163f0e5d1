"""The processes that do jobs; torch is loaded in its runners."""
