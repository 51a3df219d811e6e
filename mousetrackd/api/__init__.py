"""The Python API. ``mousetrackd`` itself loads its names when they are first used.

Nothing of the calling program is changed: no file, folder, store or log is made but what ``Picture.save`` names, and no
signal handler, umask, environment variable or setting of OpenCV is touched.
"""
