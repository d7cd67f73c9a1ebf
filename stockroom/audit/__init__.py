"""Whether any package that the locks pin has a known vulnerability: `invoke audit`.

locks.py         what every lock pins
advisories.py    what an advisory says, and which of them count: pure functions over OSV's schema
allowed.toml     the exceptions, each with its reason and the day on which it ends
osv.py           asks OSV's API, which knows the advisories of PyPI and of npm
command.py       the task
"""
