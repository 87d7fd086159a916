/*
 * The menu of a snapshot, behind three dots: in the History panel and in the banner.
 *
 * What it offers, Python tells. It is made of MUI's, which closes with Escape, goes with the arrow
 * keys, and gives the focus back to the button.
 */
const { React, __mui__: mui } = window;
const create = React.createElement;

/**
 * A button and the menu that it opens.
 *
 * draw: makes the button of its attributes; choices: {value, label, group, is_dangerous}; look:
 * attributes of the sheet on which the choices stand
 */
export function Menu({ label, choices, draw, look, onChoose }) {
  const [anchor, setAnchor] = React.useState(null);
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
      onClick: (event) => setAnchor(event.currentTarget),
    }),
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
