"""The operator's dashboard: pages made on the server, over the same functions as the command line."""
