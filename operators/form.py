"""Forms that validate while one types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fiftyone.operators import types

from ..backend.errors import SnapshotError


class Form:
    """An operator's input form.

    Args:
        params: what is filled in so far
        title: what it is called
        submit: what its button says
    """

    def __init__(self, params: Mapping[str, Any], title: str, submit: str) -> None:
        self.params = params
        self.submit = submit
        self.title = title
        self.inputs = types.Object()

    def text(
        self,
        key: str,
        label: str,
        *,
        check: Callable[[str], object] | None = None,
        required: bool = False,
        rows: int | None = None,
        **options: Any,
    ) -> str:
        """Adds a field for text.

        Args:
            key: the name of the parameter
            label: what the field is called
            check (None): called with the text; raises an error if it cannot be used
            required (False): whether it must be filled in
            rows (None): the height of a field for more than one line
            **options: further arguments of ``Object.str()``

        Returns:
            what is filled in
        """
        value = self.params.get(key)
        problem = None
        # What is missing is no mistake yet, but FiftyOne does not let the form pass
        if check is not None and value not in (None, ""):
            problem = _problem(check, value)
        view = types.TextFieldView(multiline=rows is not None, rows=rows)
        self.inputs.str(
            key,
            label=label,
            required=required,
            view=view,
            invalid=problem is not None,
            error_message=problem,
            **options,
        )
        return value if isinstance(value, str) else ""

    def choice(
        self,
        key: str,
        label: str,
        values: Sequence[str],
        *,
        default: str | None = None,
        required: bool = True,
        labels: Mapping[str, str] | None = None,
        description: str | None = None,
        aliases: Sequence[str] = (),
    ) -> str | None:
        """Adds a choice among values.

        Args:
            key: the name of the parameter
            label: what the choice is called
            values: what can be chosen
            default (None): what is chosen at first
            required (True): whether something must be chosen
            labels (None): what to show for values that do not speak for themselves
            description (None): what the choice is about
            aliases (()): values that callers may give as well, though nobody is shown them

        Returns:
            what is chosen, or None
        """
        value = self.params.get(key) or default
        unknown = value is not None and value not in (*values, *aliases)
        view = types.DropdownView() if len(values) <= 12 else types.AutocompleteView()
        for choice in values:
            view.add_choice(choice, label=(labels or {}).get(choice, choice))
        self.inputs.str(
            key,
            label=label,
            description=description,
            # Callers from Python need not repeat what the form would choose
            required=required and default is None,
            default=default,
            view=view,
            invalid=unknown,
            error_message=f"There is no '{value}' any more" if unknown else None,
        )
        return None if unknown else value

    def several(
        self, key: str, label: str, values: Sequence[str], description: str | None = None
    ) -> list[str]:
        """Adds a choice of any number of values.

        Args:
            key: the name of the parameter
            label: what the choice is called
            values: what can be chosen
            description (None): what the choice is about

        Returns:
            what is chosen
        """
        chosen = self.params.get(key) or []
        if isinstance(chosen, str):
            # Callers from Python may name them in one text, separated by commas
            self.inputs.str(key, label=label, description=description)
            return [value.strip() for value in chosen.split(",") if value.strip()]
        if not isinstance(chosen, (list, tuple)):
            # What it is not, the operator will say
            return []
        # What is chosen for one snapshot need not be there in another
        unknown = [value for value in chosen if value not in values]
        view = types.DropdownView(multiple=True)
        for value in values:
            view.add_choice(value, label=value)
        self.inputs.list(
            key,
            types.String(),
            label=label,
            description=description,
            required=False,
            view=view,
            invalid=bool(unknown),
            error_message=f"There is no '{unknown[0]}' here" if unknown else None,
        )
        return [value for value in chosen if value in values]

    def words(
        self, key: str, label: str, known: Sequence[str], default: Sequence[str] = ()
    ) -> None:
        """Adds a field for any number of words, of one's own or known ones.

        Args:
            key: the name of the parameter
            label: what the field is called
            known: what is offered
            default (()): what is filled in at first
        """
        view = types.AutocompleteView(
            allow_user_input=True,
            allow_duplicates=False,
            # What was typed last counts also without Enter, and as it was typed
            componentsProps={"autocomplete": {"autoSelect": True, "autoHighlight": False}},
        )
        for word in known:
            view.add_choice(word, label=word)
        # The App draws a field anew when its default arrives: what was typed by then is lost
        self.inputs.list(
            key,
            types.String(),
            label=label,
            required=False,
            default=list(default) or None,
            view=view,
        )

    def flag(self, key: str, label: str, default: bool, description: str | None = None) -> bool:
        """Adds a checkbox.

        Args:
            key: the name of the parameter
            label: what it is called
            default: whether it is checked at first
            description (None): what it does

        Returns:
            whether it is checked
        """
        self.inputs.bool(
            key,
            label=label,
            description=description,
            default=default,
            view=types.CheckboxView(),
        )
        return bool(self.params.get(key, default))

    def say(self, key: str, view: types.View) -> None:
        """Adds something to read."""
        self.inputs.view(key, view)

    def refuse(self, reason: str) -> None:
        """Says why the operator cannot be executed, and disables its button.

        Args:
            reason: why
        """
        self.inputs.view(
            "refusal",
            types.AlertView(severity="error", label=reason),
            invalid=True,
            error_message=reason,
        )

    def mark(self, key: str) -> None:
        """Has the App say with the parameters that somebody has filled this in, and waits.

        Args:
            key: the name of the parameter that says so
        """
        # Where there is nothing to fill in, the App shows no form
        if self.inputs.properties:
            view = types.ComponentView("SnapshotsMark")
            self.inputs.str(key, default="filled in", view=view)

    def finish(self) -> types.Property:
        """Returns the form as FiftyOne wants it."""
        view = types.PromptView(label=self.title, submit_button_label=self.submit)
        return types.Property(self.inputs, view=view)


def _problem(check: Callable[[str], object], value: str) -> str | None:
    try:
        check(value)
    except SnapshotError as error:
        return str(error)
    return None
