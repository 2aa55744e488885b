"""One call: its rules, clock, tape and doors. Knows no bot and no model vendor."""
