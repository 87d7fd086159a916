"""The panel in the sample's window: the versions of the sample that is open."""

from __future__ import annotations

from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext
from fiftyone.operators.panel import Panel, PanelConfig

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

    def on_other(self, ctx: ExecutionContext) -> None:
        """Called by the App's script when the window shows another slice of a group."""
        sample_id = ctx.params.get("sample_id")
        if isinstance(sample_id, str) and sample_id:
            ctx.panel.set_state(
                sample_page.SLICE, {"of": ctx.current_sample, "sample_id": sample_id}
            )
        self._begin(ctx)

    def on_look_again(self, ctx: ExecutionContext) -> None:
        """Looks whether something has changed since."""
        sample_versions.forget(ctx, sample_page.sample_of(ctx))

    def on_older(self, ctx: ExecutionContext) -> None:
        """Looks at older snapshots as well."""
        self.on_look_again(ctx)
        newest = state_of(ctx, sample_page.NEWEST, sample_versions.LOOKED_AT)
        ctx.panel.set_state(sample_page.NEWEST, newest + sample_versions.LOOKED_AT)

    def on_pick(self, ctx: ExecutionContext) -> None:
        """Called when other versions are picked: two, one, or none."""
        picks = ctx.params.get("picks")
        # It comes from a browser
        known = picks if isinstance(picks, list) else []
        some = [each for each in known if isinstance(each, str)][-_MOST_PICKS:]
        ctx.panel.set_state(sample_page.PICKS, some)

    @staticmethod
    def _is_shown(ctx: ExecutionContext) -> bool:
        # Without a sample, the window is being closed
        is_shown = state_of(ctx, sample_page.SHOWN, "") == sample_page.shown(ctx)
        return is_shown or not ctx.current_sample

    @staticmethod
    def _begin(ctx: ExecutionContext) -> None:
        if not ctx.current_sample:
            return
        sample_versions.forget(ctx, sample_page.sample_of(ctx))
        ctx.panel.set_state(
            {
                sample_page.SHOWN: sample_page.shown(ctx),
                sample_page.PICKS: [],
                sample_page.NEWEST: sample_versions.LOOKED_AT,
            }
        )
