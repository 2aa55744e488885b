"""The switchboard: HTTP app, doors and the processes behind them."""
