/*
 * Buttons of the panels: plain ones, which look like the App's. FiftyOne's own are dear, and wake
 * whenever something happens in a panel.
 */
const { React, __foo__: operators, __fosp__: spaces } = window;
const create = React.createElement;

const style = document.createElement("style");
style.textContent = `
  .snapshots-button {
    display: inline-flex; align-items: center; justify-content: center; gap: 5px; box-sizing: border-box;
    min-width: 64px; min-height: 34px; padding: 4px 10px; border-radius: 4px; cursor: pointer;
    font: inherit; font-size: 0.85rem; line-height: 1.5; white-space: nowrap;
    color: var(--fo-palette-text-secondary); background: transparent;
    border: 1px solid rgb(var(--fo-palette-text-primaryChannel) / 0.23);
  }
  .snapshots-button.bare { min-width: 0; padding: 4px 5px; }
  .snapshots-button.dots { min-width: 0; min-height: 0; padding: 5px; border: 0; border-radius: 50%; }
  .snapshots-button.primary { color: #fff; background: var(--fo-palette-primary-main); border-color: transparent; }
  .snapshots-button.danger:enabled { color: var(--snapshots-deleted); border-color: currentcolor; }
  .snapshots-button:hover:enabled { border-color: currentcolor; background: var(--fo-palette-action-hover); }
  .snapshots-button.primary:hover:enabled { background: var(--fo-palette-primary-dark); }
  .snapshots-button:disabled { opacity: 0.5; cursor: default; }
  .snapshots-button .material-icons { font-size: 20px; }
`;
document.head.append(style);

/**
 * label: what it says, if it is more than an icon; look: primary, danger, or dots; attributes: of HTML,
 * such as its name
 */
export function Button({ label, icon, look, disabled, hint, attributes, onClick }) {
  const looks = ["snapshots-button", label ? null : "bare", look].filter(Boolean);
  return create(
    "button",
    {
      type: "button",
      className: looks.join(" "),
      title: hint ?? undefined,
      disabled,
      onClick,
      ...attributes,
    },
    icon && create("span", { className: "material-icons notranslate", "aria-hidden": true }, icon),
    label
  );
}

/** A button that Python describes. */
export function Pressed({ schema }) {
  const { on_click: onClick, params, ...shown } = schema.view;
  const panel = spaces.usePanelId();
  const trigger = operators.usePanelEvent();
  const press = React.useRef();
  press.current = () => trigger(panel, { operator: onClick, params });
  return React.useMemo(
    () => create(Button, { ...shown, onClick: () => press.current() }),
    [JSON.stringify(shown)]
  );
}
