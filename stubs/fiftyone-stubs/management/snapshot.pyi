from fiftyone_snapshots.management import *
