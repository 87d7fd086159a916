/*
 * Texts of the History panel that are more than their letters: times, and what folds.
 */
const { React } = window;
const create = React.createElement;

/** A point in time, in words; pointed at, exactly, as the clock here has it and in UTC. */
export function Moment({ title, time, exact, style }) {
  const at = new Date(time);
  return create(
    "time",
    { dateTime: time, title: `${at.toLocaleString()} (${exact})`, style },
    title ?? at.toLocaleTimeString()
  );
}

/** One of those in a panel. */
export function Time({ schema }) {
  const { size, ...moment } = schema.view;
  const style = { color: "var(--fo-palette-text-secondary)", fontSize: size, lineHeight: 1.4 };
  return create(Moment, { ...moment, style });
}

const SHOWN = {
  color: "var(--fo-palette-text-primary)",
  fontSize: "0.875rem",
  overflowWrap: "anywhere",
  whiteSpace: "pre-line",
};
const FOLDED = {
  ...SHOWN,
  display: "-webkit-box",
  WebkitLineClamp: "2",
  WebkitBoxOrient: "vertical",
  overflow: "hidden",
};
const SWITCH = {
  padding: 0,
  border: 0,
  background: "none",
  cursor: "pointer",
  font: "inherit",
  fontSize: "0.8rem",
  color: "var(--snapshots-info)",
};

/** A text of which two lines are shown, until somebody wants to see all of it. */
export function Fold({ title }) {
  const [isOpen, setIsOpen] = React.useState(false);
  const [isLong, setIsLong] = React.useState(false);
  const text = React.useRef();
  React.useEffect(() => {
    // Whether it fits changes with the width of the panel
    const watcher = new ResizeObserver(([{ target }]) => {
      if (!isOpen) setIsLong(target.scrollHeight > target.clientHeight + 1);
    });
    watcher.observe(text.current);
    return () => watcher.disconnect();
  }, [title, isOpen]);
  const said = isOpen ? "less" : "all";
  return create(
    "div",
    null,
    create("div", { ref: text, style: isOpen ? SHOWN : FOLDED }, title),
    isLong &&
      create(
        "button",
        {
          type: "button",
          style: SWITCH,
          "aria-expanded": isOpen,
          "aria-label": `Show ${said} of it`,
          onClick: () => setIsOpen(!isOpen),
        },
        `Show ${said}`
      )
  );
}
