"""What is counted, purely: numbers in, numbers out. No thread, clock, file or log; numpy at most."""
