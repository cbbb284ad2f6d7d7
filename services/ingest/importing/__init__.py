"""`headrace import`: a file of customers and past orders, row by row into the log, without any effect."""
