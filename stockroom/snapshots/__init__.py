"""Snapshots: the emulator's whole state after `infra-up`, saved under a key and put back in seconds.

keys.py       what a key is made of, and which snapshot a platform can begin with
archive.py    the signed file
signing.py    the key that signs it, which never lies in the checkout
store.py      the folder of all snapshots: names, bounds, drafts
emulator.py   telling the emulator to save its state and to take one
record.py     what a platform was made from, beside its emulator
whole.py      cheap reads which show that a platform is all there
background.py packs a saved state while nobody waits
commands.py   `invoke snapshot.…` and `invoke reset`
"""
