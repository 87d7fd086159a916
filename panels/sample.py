"""The panel in the sample's window: the versions of the sample that is open."""

from __future__ import annotations

from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext
from fiftyone.operators.panel import Panel, PanelConfig

from ..backend.errors import SnapshotError
from ..management.datasets import one_look
from ..operators import sample_versions
from ..operators.asking import asking
from ..operators.open_sample_history import PANEL
from . import sample_page
from .model import state_of

_MOST_PICKS = 2


class SamplePanel(Panel):
    """Shows in which versions the sample that is open differs, before and after."""

    @property
    def config(self) -> PanelConfig:
        """What FiftyOne wants to know of this panel."""
        return PanelConfig(
            name=PANEL,
            label="Sample history",
            icon="history",
            surfaces="modal",
            help_markdown="The versions of this sample: what changed, before and after",
        )

    def render(self, ctx: ExecutionContext) -> types.Property:
        """Returns what is to be seen."""
        with asking(ctx), one_look():
            return sample_page.render(self, ctx)

    def execute(self, ctx: ExecutionContext) -> Any:
        """Handles an event; what is on screen stays if it was about the same sample."""
        event = ctx.params.get("__method__")
        if event == "on_change_current_sample" and self._is_shown(ctx):
            return None
        with asking(ctx):
            return super().execute(ctx)

    def on_load(self, ctx: ExecutionContext) -> None:
        """Called when the panel is opened."""
        self._begin(ctx)

    def on_change_current_sample(self, ctx: ExecutionContext) -> None:
        """Called when somebody goes to another sample."""
        self._begin(ctx)

    def on_change_dataset(self, ctx: ExecutionContext) -> None:
        """Called when another version of the dataset is opened."""
        self._begin(ctx)

    def on_look_again(self, ctx: ExecutionContext) -> None:
        """Looks whether something has changed since."""
        sample_versions.forget(ctx)

    def on_older(self, ctx: ExecutionContext) -> None:
        """Looks at older snapshots as well."""
        newest = state_of(ctx, sample_page.NEWEST, sample_versions.LOOKED_AT)
        sample_versions.forget(ctx)
        ctx.panel.set_state(sample_page.NEWEST, newest + sample_versions.LOOKED_AT)

    def on_pick(self, ctx: ExecutionContext) -> None:
        """Picks a version to be seen beside another one, or leaves it."""
        version, former = str(ctx.params.get("version")), sample_page.picks(ctx)
        picks = [each for each in former if each != version]
        if len(picks) == len(former):
            picks.append(version)
        ctx.panel.set_state(sample_page.PICKS, picks[-_MOST_PICKS:])

    @staticmethod
    def _is_shown(ctx: ExecutionContext) -> bool:
        try:
            sample_versions.check_open(ctx)
        except SnapshotError:
            # The window is being closed
            return True
        return bool(state_of(ctx, sample_page.SHOWN, "") == sample_page.shown(ctx))

    @staticmethod
    def _begin(ctx: ExecutionContext) -> None:
        sample_versions.forget(ctx)
        ctx.panel.set_state(
            {
                sample_page.SHOWN: sample_page.shown(ctx),
                sample_page.PICKS: [],
                sample_page.NEWEST: sample_versions.LOOKED_AT,
            }
        )
