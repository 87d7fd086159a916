"""What FiftyOne keeps of a dataset, and where: the parts that are captured, its documents.

May import rawbson and mongo.
"""
