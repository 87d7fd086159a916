/*
 * The list of snapshots in the History panel: what each is, and what can be done with it. What a
 * row says and offers, Python tells.
 *
 * One component for all rows, of plain elements: FiftyOne's own are dear, and each of them wakes
 * whenever something happens in the panel. A row is drawn again only when it is another one.
 */
const { React, __foo__: operators, __fosp__: spaces } = window;
const create = React.createElement;

// As MUI's, of which the rest of the panel is made
const style = document.createElement("style");
style.textContent = `
  .snapshots-rows { display: flex; flex-direction: column; gap: 12px; min-width: 0; }
  .snapshots-row {
    display: flex; flex-wrap: wrap; align-items: center; gap: 12px; min-width: 0; padding: 12px;
    border: 1px solid var(--fo-palette-divider, rgba(128, 128, 128, 0.3)); border-radius: 4px;
    font-size: 0.75rem; line-height: 1.4; color: var(--fo-palette-text-secondary); overflow-wrap: anywhere;
  }
  .snapshots-row:hover { border-color: var(--fo-palette-text-tertiary); }
  .snapshots-row.open { border-color: var(--snapshots-changed); }
  /* In a narrow panel, what can be done goes below */
  .snapshots-row .about { flex: 1 1 220px; min-width: 0; display: flex; flex-direction: column; gap: 3px; }
  .snapshots-row .title { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 6px; }
  .snapshots-row .name { font-size: 0.95rem; font-weight: 600; color: var(--fo-palette-text-primary); }
  .snapshots-row .chip { padding: 0 7px; border: 1px solid; border-radius: 10px; font-size: 0.72rem; white-space: nowrap; }
  .snapshots-row .counts { display: flex; gap: 8px; margin-left: 4px; font-size: 0.875rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .snapshots-row .some { font-weight: 600; }
  .snapshots-row .facts { display: flex; flex-wrap: wrap; gap: 0 4px; }
  .snapshots-row .facts > :not(:last-child)::after { content: " ·"; }
  .snapshots-row .actions { flex: 0 0 auto; display: flex; align-items: center; gap: 4px; }
`;
document.head.append(style);

const toneOf = (tone) => (tone ? { color: `var(--snapshots-${tone})` } : undefined);

function Chip({ said }) {
  const { text, hint, tone } = said;
  return create("span", { className: "chip", title: hint || undefined, style: toneOf(tone) }, text);
}

function Count({ count }) {
  const { key, text, is_some: isSome, hint } = count;
  return create(
    "span",
    {
      className: isSome ? "some" : undefined,
      style: toneOf(isSome && key),
      title: hint,
      "data-testid": `count-${key}`,
    },
    text
  );
}

/** Makes the component of the list; the others are of other parts of this script. */
export function listing({ Button, Dots, Moment, Fold }) {
  /** told: the row as a text; act: holds what hands on what is done, in the window where it is. */
  const Row = React.memo(
    ({ told, act }) => {
      const row = JSON.parse(told);
      const { name, browse, restore, menu } = row;
      const choose = (what, params) => act.current(what, params);
      return create(
        "div",
        {
          className: row.is_open ? "snapshots-row open" : "snapshots-row",
          "data-testid": "history-row",
          "data-snapshot": name,
          role: "group",
          "aria-label": `Snapshot ${name}`,
        },
        create(
          "div",
          { className: "about" },
          create(
            "div",
            { className: "title" },
            create("span", { className: "name" }, name),
            row.chips.map((said, place) => create(Chip, { key: place, said })),
            row.counts.length > 0 &&
              create(
                "span",
                { className: "counts" },
                row.counts.map((count) => create(Count, { key: count.key, count }))
              )
          ),
          row.description && create(Fold, { title: row.description }),
          create(
            "div",
            { className: "facts" },
            create(Moment, row.created),
            row.facts.map(({ text, hint }) =>
              create("span", { key: text, title: hint || undefined }, text)
            )
          )
        ),
        create(
          "div",
          { className: "actions" },
          restore &&
            create(Button, {
              ...restore,
              icon: "restore_from_trash",
              label: "Restore",
              onClick: () => choose("on_restore", { name }),
            }),
          browse &&
            create(Button, {
              ...browse,
              icon: "visibility",
              label: "Browse",
              attributes: { "aria-label": `Browse ${name}` },
              onClick: () => choose("on_browse", { name }),
            }),
          menu.length > 0 &&
            create(Dots, {
              label: `More for ${name}`,
              choices: menu,
              onChoose: (value) => choose("on_menu", { value }),
            })
        )
      );
    }
  );

  return function Rows({ schema }) {
    const { rows, ...handlers } = schema.view;
    const panel = spaces.usePanelId();
    const trigger = operators.usePanelEvent();
    const act = React.useRef();
    act.current = (what, params) => trigger(panel, { operator: handlers[what], params });
    return create(
      "div",
      { className: "snapshots-rows" },
      rows.map((row) => create(Row, { key: row.id, told: JSON.stringify(row), act }))
    );
  };
}
