"""Rehearsal: one local process of wire-faithful vendor doubles, so that a bot runs without keys.

The real Pipecat services talk to it over loopback; only the addresses and the key differ. Behind the
wires sit real engines (pocketsphinx hears, espeak-ng speaks) and a scripted mind that says it is one.
"""
