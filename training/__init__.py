"""How the weights in `models/` are made: build the set, train two nets, calibrate, export, evaluate.

May import `kitchenvision`; nothing imports it. Run `python -m training --help`.
"""
