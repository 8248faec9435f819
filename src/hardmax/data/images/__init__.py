"""Readers of images: folders of files, IDX, ``.npz``, and the data sets available by name.

``opening`` opens an image file, ``files`` decodes it, ``resizing`` scales it, ``scan`` lists a
folder, whose ``parts`` it finds by name, ``cache`` stores decoded images, ``larger`` adds those
that crops are cut from, and ``batches`` reads any number of files without storing them.
Transformations that are part of a network are elsewhere.
"""
