"""`invoke report`: what was sold, from the curated data of a deployed data platform.

request   what the command line asks for
freshness whether everything that was seeded has arrived, and waiting for it
order_queues  orders that wait, and dead letters
curated   reading the curated zone
figures   sums per day, key and currency
show      the sums as text and as JSON
draw      the sums as a picture
page      picture and sums as one HTML file
"""
