"""What a person does with calls and tapes: dial, replay, diff, audit."""
