"""Readers of pictures: folders of files, IDX, ``.npz``, and the data sets known by name.

``files`` decodes one picture, ``scan`` says what lies in a folder, and ``cache`` keeps what was
decoded. What a network does to pictures does not live here.
"""
