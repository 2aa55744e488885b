"""Replays tapes through the unchanged bot file, in virtual time."""
