"""When things happen: the jobs that move records from the sources to the store and judge them."""
