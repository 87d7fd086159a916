/*
 * The versions of a sample, oldest first, in the window of the sample: which ones there are, what
 * changed in each, and which two are shown. What they say, Python tells.
 */
const { React, recoil, __fos__: app } = window;
const create = React.createElement;

// Longer than an answer takes that is still on its way
const OVERTAKEN_MILLISECONDS = 1500;

const COLORS = {
  added: "var(--snapshots-added)",
  removed: "var(--snapshots-deleted)",
  relabelled: "var(--snapshots-changed)",
  moved: "var(--snapshots-info)",
};

const STYLE = `
  .snapshots-strip { display: flex; gap: 6px; overflow-x: auto; padding: 3px 3px 8px; }
  .snapshots-strip button {
    flex: 1 0 130px; max-width: 220px; min-width: 0; display: flex; flex-direction: column; gap: 2px; align-items: flex-start;
    padding: 6px 10px; border-radius: 4px; cursor: pointer; text-align: left; font: inherit; font-size: 13px; line-height: 1.35;
    color: var(--fo-palette-text-primary); background: var(--fo-palette-background-level1);
    border: 1px solid var(--fo-palette-divider, rgba(128, 128, 128, 0.5)); border-top: 4px solid transparent;
  }
  .snapshots-strip button:hover { border-color: var(--fo-palette-text-tertiary); }
  .snapshots-strip button[aria-pressed="true"] { border-color: var(--snapshots-info); }
  .snapshots-strip button:focus-visible { outline: 2px solid var(--snapshots-info); outline-offset: 1px; }
  .snapshots-strip .name { font-weight: 600; max-width: 100%; overflow-wrap: anywhere; }
  .snapshots-strip .role { font-size: 11px; color: var(--snapshots-info); font-weight: 600; }
  .snapshots-strip .open { font-size: 11px; padding: 0 6px; border: 1px solid var(--snapshots-changed); border-radius: 10px; color: var(--snapshots-changed); }
  .snapshots-strip .top, .snapshots-strip .said { display: flex; flex-wrap: wrap; gap: 2px 8px; align-items: baseline; max-width: 100%; }
  .snapshots-strip .top { min-height: 16px; }
  .snapshots-strip .quiet { font-size: 12px; color: var(--fo-palette-text-secondary); overflow-wrap: anywhere; }
  .snapshots-strip .said span { font-size: 12px; font-weight: 600; overflow-wrap: anywhere; }
`;

function Version({ entry, role, pick }) {
  const button = React.useRef();
  React.useEffect(() => {
    // Along the strip only: the panel stays where it is
    const { parentElement: strip, offsetLeft, offsetWidth } = button.current;
    if (!role) return;
    const end = offsetLeft + offsetWidth - strip.offsetLeft;
    if (end > strip.scrollLeft + strip.clientWidth) strip.scrollLeft = end - strip.clientWidth;
  }, [role]);
  return create(
    "button",
    {
      ref: button,
      type: "button",
      "data-version": entry.version,
      "aria-pressed": Boolean(role),
      "aria-current": entry.is_open ? "true" : undefined,
      onClick: () => pick(entry.version),
    },
    create(
      "span",
      { className: "top" },
      role && create("span", { className: "role" }, role),
      entry.is_open && create("span", { className: "open" }, "open")
    ),
    create("span", { className: "name" }, entry.label),
    create(
      "span",
      { className: "quiet", title: entry.exact ?? undefined },
      [entry.when, entry.who].filter(Boolean).join(" ")
    ),
    create(
      "span",
      { className: "said" },
      entry.said.map(({ text, how, hint }, number) =>
        create(
          "span",
          {
            key: number,
            title: hint || undefined,
            style: { color: COLORS[how] ?? "var(--fo-palette-text-secondary)" },
          },
          text
        )
      )
    )
  );
}

/** other: called when the App shows another sample than the one that the strip is about */
export default function Strip({ entries, picked, sample, pick, other }) {
  const open = recoil.useRecoilValueLoadable(app.nullableModalSampleId);
  const opened = open.state === "hasValue" ? open.contents : null;
  // Of two samples one after the other, the answer about the first may come last
  const isOvertaken = Boolean(opened) && opened !== sample;
  React.useEffect(() => {
    if (!isOvertaken) return undefined;
    const timer = setTimeout(other, OVERTAKEN_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [isOvertaken, opened]);
  return create(
    "div",
    { role: "group", "aria-label": "Versions of this sample" },
    create("style", null, STYLE),
    create(
      "div",
      { className: "snapshots-strip" },
      entries.map((entry) => {
        const place = picked.indexOf(entry.version);
        const role = place < 0 ? null : ["Before", "After"][place];
        return create(Version, { key: entry.version, entry, role, pick });
      })
    )
  );
}
