"""Personal reward models: what each annotator would prefer, learned from frozen embeddings.

Pure but for torch, which is imported only inside the functions that train or evaluate a network.
"""
