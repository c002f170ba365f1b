"""Benign transactions that look like attacks: real protocols on Anvil, from which false alarms are measured.

`python -m tests.hard_negatives --seed 1 --count 600 -o DIRECTORY` writes a Recording with labels and counts what the
detectors say of it. Protocols' bytecode comes from npm once (`npm.py`); our contracts are in `contracts/`, compiled
by `python -m tests.hard_negatives.build`. A shape is a function in `trading.py`, `lending.py` or `services.py`.
"""
