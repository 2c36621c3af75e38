-- The file is in the folder of the internal stage afterwards, byte for byte, in place of one of the same name.
put %(file)s {{ stage | stage }}/{{ folder | folder }} auto_compress = false overwrite = true
