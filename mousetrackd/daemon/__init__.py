"""The process that runs all day, and how commands find and steer it."""
