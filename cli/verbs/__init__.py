"""What the commands do: each calls the Management SDK, and says what came of it."""

from .addresses import *  # noqa: F403
from .archives import *  # noqa: F403
from .branches import *  # noqa: F403
from .log import *  # noqa: F403
from .maintenance import *  # noqa: F403
from .media import *  # noqa: F403
from .merging import *  # noqa: F403
from .remotes import *  # noqa: F403
from .reverting import *  # noqa: F403
from .snapshots import *  # noqa: F403
from .undoing import *  # noqa: F403
