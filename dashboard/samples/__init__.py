"""The exams that ship with the program."""
