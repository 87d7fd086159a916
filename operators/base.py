"""What all operators have in common: what they say of themselves, forms, results, errors.

An operator checks what was filled in, calls one function of the management SDK and tells the App
what to show. Nothing else belongs here: whatever an operator can do, the SDK can.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext, ExecutionOptions

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidArgumentError, InvalidRequestError, SnapshotError
from . import running, turn
from .asking import asking
from .form import Form

PLUGIN = "@snapshots/versioning"
ICON = "history"

DIALOG = "dialog"
"""The parameter that tells that a panel has opened the operator's form."""

PREVIEW = "preview"
"""The parameter in which the App's script puts what a preview has found."""

_FORM = "form"
"""The parameter that tells that a dialog of the App waits for the result."""

FAILED = "failed"
"""The state of a result that tells a dialog why it is none."""

_ADDED = {
    "panel_id",
    "panel_state",
    "panels",
    "path",
    "event_args",
    "__method__",
    DIALOG,
    PREVIEW,
    _FORM,
}

Plain: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """What an operator works on: a dataset, whether its editable state or a snapshot is open."""

    dataset: str
    """The name of the dataset that has the history."""
    snapshot: str | None
    """The name of the snapshot that is open, if any."""
    merge: str | None = None
    """The id of the merge whose review is open, if any."""

    @classmethod
    def of(cls, ctx: ExecutionContext) -> Target:
        """Finds out what is open in the App, or was named by the caller.

        Args:
            ctx: the operator's context

        Returns:
            the target

        Raises:
            InvalidRequestError: if no dataset is open, or it cannot have snapshots
        """
        name = ctx.dataset_name
        # A delegated operation knows its dataset by id, because it may be renamed meanwhile
        if ctx.dataset_id and ctx.dataset is not None:
            name = ctx.dataset.name
        if not name:
            raise InvalidRequestError("Open a dataset first")
        location = management.locate(name)
        return cls(location.dataset.name, location.snapshot, location.merge)

    def head_only(self, action: str) -> None:
        """Refuses what makes no sense while a snapshot is open.

        Args:
            action: what was wanted, as the rest of a sentence

        Raises:
            InvalidRequestError: if a snapshot is open
        """
        if self.snapshot is not None:
            raise InvalidRequestError(
                f"This is a snapshot: read-only. Go back to the current dataset, "
                f"'{self.dataset}', to {action}."
            )


class PluginOperator(foo.Operator):
    """What all operators of this plugin say of themselves."""

    NAME: ClassVar[str]
    """By default, what the table of actions calls the operator of ``ACTION``."""
    LABEL: ClassVar[str]
    DESCRIPTION: ClassVar[str]
    ICON: ClassVar[str] = ICON
    RISK: ClassVar[types.RiskLevel] = types.RiskLevel.LOW
    UNLISTED: ClassVar[bool] = False
    DELEGATABLE: ClassVar[bool] = False
    """Whether it can take long, and a delegated worker can do it as well."""
    ACTION: ClassVar[Action]
    """What it does, as the policy is asked."""

    def __init_subclass__(cls) -> None:
        """Names the operator as the table does, unless it says otherwise."""
        super().__init_subclass__()
        if "ACTION" in vars(cls) and "NAME" not in vars(cls):
            cls.NAME, cls.LABEL = cls.ACTION.row.operator, cls.ACTION.row.label

    @property
    def config(self) -> foo.OperatorConfig:
        """What FiftyOne wants to know of this operator."""
        return foo.OperatorConfig(
            name=self.NAME,
            label=self.LABEL,
            description=self.DESCRIPTION,
            icon=self.ICON,
            dynamic=True,
            unlisted=self.UNLISTED,
            allow_delegated_execution=self.DELEGATABLE,
            resolve_execution_options_on_change=False,
            risk_level=self.RISK,
            view_target=False,
        )

    def resolve_execution_options(self, ctx: ExecutionContext) -> ExecutionOptions:
        """Returns where it can be executed: by a worker if that is asked for, or can be.

        Beside a schedule that is not available, a form would say "FOR TESTING" of what is.

        Args:
            ctx: the operator's context

        Returns:
            the options
        """
        is_available = ctx.requesting_delegated_execution or fo.config.allow_legacy_orchestrators
        return ExecutionOptions(allow_delegated_execution=self.DELEGATABLE and bool(is_available))


class SnapshotOperator(PluginOperator, ABC):
    """An action on a dataset's history, with a form."""

    IS_PREVIEW: ClassVar[bool] = False
    """Whether it only tells a dialog what another operator would do."""
    SUBMIT: ClassVar[str] = "Execute"
    """What the form's button says."""

    def target(self, ctx: ExecutionContext) -> Target:
        """Returns what it works on: what is open, unless an operator says otherwise.

        Args:
            ctx: the operator's context

        Returns:
            the target

        Raises:
            SnapshotError: if there is none
        """
        return Target.of(ctx)

    def resolve_input(self, ctx: ExecutionContext) -> types.Property:
        """Returns the form, with what is wrong with it; the App asks again while one types."""
        form = Form(ctx.params, self.LABEL, self.SUBMIT)
        with asking(ctx):
            try:
                target = self.target(ctx)
                refusal = management.why_not(self.ACTION, target.dataset)
                if refusal is not None:
                    form.refuse(refusal)
                else:
                    self.fill(form, target, ctx)
            except SnapshotError as error:
                form.refuse(str(error))
        if ctx.prompt_id:
            form.mark(_FORM)
        return form.finish()

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Adds the fields of this operator to its form.

        Args:
            form: the form
            target: what it works on
            ctx: the operator's context

        Raises:
            SnapshotError: if it cannot be executed at all
        """

    def execute(self, ctx: ExecutionContext) -> Plain:
        """Does it, and returns plain data."""
        if ctx.delegated:
            turn.take(ctx, self.ACTION, PLUGIN)
        try:
            return self.perform(ctx, plain_params(ctx))
        except SnapshotError as error:
            if ctx.delegated or not ctx.params.get(_FORM):
                raise
            # The App's dialogs hide what an error says
            return {"state": FAILED, "error": type(error).__name__, "message": str(error)}

    def perform(self, ctx: ExecutionContext, params: Plain) -> Plain:
        """Does it where it fits: see :mod:`.running`.

        Args:
            ctx: the context of this operator or of a panel
            params: what was filled in

        Returns:
            plain data

        Raises:
            SnapshotError: if it cannot be done
        """

        def work() -> Plain:
            # In another thread, nobody knows who asks
            with asking(ctx):
                return self.work(target, params, ctx)

        with asking(ctx):
            target = self.target(ctx)
            job = running.Job(
                operator=f"{PLUGIN}/{self.NAME}",
                label=self.run_label(target, params),
                dataset=target.dataset,
                params=params,
                # A worker acts as its own user, who may be allowed more
                offered=self.DELEGATABLE
                and not self.IS_PREVIEW
                and management.why_not(self.ACTION, target.dataset) is None,
                panel=ctx.panel_id if ctx.params.get(DIALOG) else None,
                is_preview=self.IS_PREVIEW,
            )
            result = running.run(ctx, job, work)
            if running.is_finished(result):
                self.follow_up(ctx, target, result)
        return result

    @abstractmethod
    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Calls the SDK.

        Args:
            target: what to work on
            params: what was filled in
            ctx: the operator's context, to be read only

        Returns:
            plain data, with a ``message`` for people
        """

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Tells the App what to show once it is done.

        Args:
            ctx: the operator's context
            target: what it worked on
            result: what :meth:`work` returned
        """

    def run_label(self, target: Target, params: Mapping[str, Any]) -> str:
        """Returns what to call this run while it is under way."""
        name = params.get("name")
        return f"{self.LABEL}: {name}" if name else self.LABEL

    def resolve_run_name(self, ctx: ExecutionContext) -> str:
        """Returns what to call this run in the list of delegated operations."""
        with asking(ctx):
            return self.run_label(self.target(ctx), plain_params(ctx))

    def resolve_output(self, ctx: ExecutionContext) -> types.Property:
        """Returns the form that shows the result; the History panel shows results by itself."""
        outputs = types.Object()
        result = ctx.results or {}
        if result.get("state") == FAILED:
            alert = types.AlertView(severity="error", label=result["message"])
            outputs.view("error", alert)
        elif not ctx.panel_id and result.get("message"):
            kind = types.Success if running.is_finished(result) else types.Notice
            outputs.view("message_view", kind(label=result["message"]))
            self.show(outputs, result)
        return types.Property(outputs, view=types.View(label=self.LABEL))

    def show(self, outputs: types.Object, result: Plain) -> None:
        """Adds what is to be seen of the result besides its message.

        Args:
            outputs: the output form
            result: the result
        """


def plain_params(ctx: ExecutionContext) -> Plain:
    """Returns what was filled in, without what the App's panels add to it."""
    return {key: value for key, value in ctx.params.items() if key not in _ADDED}


def snapshot_names(target: Target) -> list[str]:
    """Returns the names of a dataset's snapshots, newest first."""
    history = management.get_history(target.dataset)
    return [entry.name for entry in history.entries]


def choose_snapshot(
    form: Form,
    target: Target,
    key: str = "name",
    label: str = "Snapshot",
    extra: Iterable[str] = (),
    default: str | None = None,
    aliases: Sequence[str] = (),
) -> str | None:
    """Adds a choice among a dataset's snapshots; the open one is chosen unless another is.

    Args:
        form: the form
        target: what the operator works on
        key ("name"): the name of the parameter
        label ("Snapshot"): what the choice is called
        extra (()): further choices, which come first
        default (None): what is chosen at first; by default the snapshot that is open
        aliases (()): what callers may give as well, though nobody is shown it

    Returns:
        what is chosen, or None

    Raises:
        InvalidRequestError: if there are no snapshots
    """
    names = snapshot_names(target)
    if not names:
        raise InvalidRequestError(
            f"Dataset '{target.dataset}' has no snapshots yet: create one first"
        )
    return form.choice(
        key, label, [*extra, *names], default=default or target.snapshot, aliases=aliases
    )


def required(params: Mapping[str, Any], key: str) -> str:
    """Returns a parameter that is a text and must be given.

    Args:
        params: what was filled in
        key: the name of the parameter

    Returns:
        the text

    Raises:
        InvalidRequestError: if it is missing, or no text
    """
    value = params.get(key)
    if value in (None, ""):
        raise InvalidRequestError(f"The parameter '{key}' is missing")
    if not isinstance(value, str):
        raise InvalidArgumentError(
            f"The parameter '{key}' must be a string, not {type(value).__name__}: {value!r:.80}"
        )
    return value


def snapshot_of(params: Mapping[str, Any], target: Target) -> str:
    """Returns which snapshot is meant: the one that is named, else the one that is open.

    Args:
        params: what was filled in
        target: what the operator works on

    Returns:
        the snapshot's name

    Raises:
        InvalidRequestError: if there is neither
    """
    name: str | None = params.get("name") or target.snapshot
    if not name:
        raise InvalidRequestError("The parameter 'name' is missing: which snapshot?")
    return name
