"""A fleet that is made up, to check and to measure what adds it up."""
