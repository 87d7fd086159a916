/*
 * Menus behind three dots: of a snapshot, in the History panel and in the banner, and of others.
 *
 * What it offers, Python tells. It is made of MUI's, which closes with Escape, goes with the arrow
 * keys, and gives the focus back to the button.
 */
const {
  React,
  __foo__: operators,
  __fosp__: spaces,
  __mui__: mui,
} = window;
const create = React.createElement;

/**
 * A button and the menu that it opens.
 *
 * draw: makes the button of its attributes; choices: {value, label, group, is_dangerous}; look:
 * attributes of the sheet on which the choices stand
 */
export function Menu({ label, choices, draw, look, onChoose }) {
  const [anchor, setAnchor] = React.useState(null);
  // Not made before somebody wants it, and there to close and to give the focus back then
  const [isMade, setIsMade] = React.useState(false);
  const open = ({ currentTarget }) => {
    setIsMade(true);
    setAnchor(currentTarget);
  };
  const choose = (value) => {
    setAnchor(null);
    onChoose(value);
  };
  return create(
    React.Fragment,
    null,
    draw({
      "aria-label": label,
      "aria-haspopup": "menu",
      "aria-expanded": Boolean(anchor),
      onClick: open,
    }),
    isMade &&
      create(
        mui.Menu,
        {
          anchorEl: anchor,
          open: Boolean(anchor),
          onClose: () => setAnchor(null),
          "data-testid": "history-menu",
          PaperProps: look,
        },
        choices.map(({ value, label, group, is_dangerous: isDangerous }, place) =>
          create(
            mui.MenuItem,
            {
              key: value,
              dense: true,
              // A line below each group but the last
              divider: place + 1 < choices.length && choices[place + 1].group !== group,
              sx: isDangerous ? { color: "var(--snapshots-deleted)" } : undefined,
              onClick: () => choose(value),
              // The App keeps the keydown of Enter, which MUI listens to, from everybody else
              onKeyPress: (event) => event.key === "Enter" && choose(value),
            },
            label
          )
        )
      )
  );
}

/** Makes the menus behind three dots, plain and as Python describes them; Button: see button.js. */
export function dotted(Button) {
  const draw = ({ onClick, ...attributes }) =>
    create(Button, { icon: "more_vert", look: "dots", onClick, attributes });
  const Dots = (offered) => create(Menu, { ...offered, draw });

  function Told({ schema }) {
    const { label, choices, on_choose: onChoose } = schema.view;
    const panel = spaces.usePanelId();
    const trigger = operators.usePanelEvent();
    const choose = (value) => trigger(panel, { operator: onChoose, params: { value } });
    return create(Dots, { label, choices, onChoose: choose });
  }
  return { Dots, Told };
}
