from fiftyone_snapshots.management import *

from . import snapshot as snapshot
