/*
 * The versions of a sample, oldest first, in the window of the sample: which ones there are, what
 * changed in each, and which two are shown. What they say, Python tells.
 */
const { React, recoil, __foo__: operators, __fos__: app, __fosp__: spaces } = window;
const create = React.createElement;

// Longer than an answer takes that is still on its way
const OVERTAKEN_MILLISECONDS = 1500;
const SLICE_MILLISECONDS = 50;

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
      {
        className: "quiet",
        title: entry.time ? `${new Date(entry.time).toLocaleString()} (${entry.exact})` : undefined,
      },
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

/** Returns what is picked once a version is clicked: two at the most, the last ones. */
function withClicked(picks, version) {
  const others = picks.filter((each) => each !== version);
  return others.length < picks.length ? others : [...picks, version].slice(-2);
}

/** Returns what the App knows of the window: the sample that it was opened for, and the one shown. */
function useWindow() {
  const [current, shown] = [app.nullableModalSampleId, app.activeModalSidebarSample].map((atom) => {
    const found = recoil.useRecoilValueLoadable(atom);
    return found.state === "hasValue" ? found.contents : null;
  });
  return { current, shown: shown?._id ?? shown?.id ?? null };
}

/**
 * picks: the versions that somebody has picked; picked: the two that are shown because of that
 * sample: the one that the strip is about; current: the one that the window was opened for
 * other: called when the window shows another sample
 */
function Versions({ entries, picks, picked, sample, current, choose, other }) {
  const opened = useWindow();
  // Whoever clicks quickly goes on from what is not answered yet
  const wanted = React.useRef(picks);
  const pick = (version) => {
    wanted.current = withClicked(wanted.current, version);
    choose(wanted.current);
  };
  // Of the slice of a group that is shown, the App tells nobody. Else it is only that of two
  // questions one after the other, the answer to the first one came last
  const isSlice = opened.current === current;
  const isOther = Boolean(opened.shown) && opened.shown !== sample;
  const isMissed = !isOther && wanted.current.join("/") !== picks.join("/");
  React.useEffect(() => {
    if (!isOther && !isMissed) return undefined;
    const look = () => (isOther ? other(opened.shown) : choose(wanted.current));
    const patience = isOther && isSlice ? SLICE_MILLISECONDS : OVERTAKEN_MILLISECONDS;
    const timer = setTimeout(look, patience);
    return () => clearTimeout(timer);
  }, [isOther, isMissed, isSlice, opened.shown, picks.join("/")]);
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

/** Makes the component of the versions of the sample that is open; ask, useNews: see watch.js. */
export function following({ ask, useNews }) {
  function Followed({ again, ...told }) {
    // That of the first answer: what is shown was looked up a moment before
    const [version, setVersion] = React.useState(null);
    const onNews = (found) => {
      if (version !== null) again();
      setVersion(found);
    };
    useNews({ ask, version, onNews });
    return create(Versions, told);
  }

  return function Strip({ schema }) {
    const { shown: key, on_pick: onPick, on_other: onOther, on_news: onNews, ...told } = schema.view;
    const panel = spaces.usePanelId();
    const trigger = operators.usePanelEvent();
    const does = {
      choose: (picks) => trigger(panel, { operator: onPick, params: { picks } }),
      other: (sample_id) => trigger(panel, { operator: onOther, params: { sample_id } }),
      again: () => trigger(panel, { operator: onNews, params: {} }),
    };
    return create(Followed, { key, ...told, ...does });
  };
}
