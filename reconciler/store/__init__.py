"""What is written down: the only part of the program that talks to its own database."""
