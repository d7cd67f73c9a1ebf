{"read": "all"}
