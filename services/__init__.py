"""The five services of the procedure, each the only writer of its own stream and topic."""
