stores = ["north", "south"]
