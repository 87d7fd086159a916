/*
 * Texts of the History panel that are more than their letters: times, and what folds.
 */
const { React, __mui__: mui } = window;
const create = React.createElement;

/** A point in time, in words; pointed at, exactly, as the clock here has it and in UTC. */
export function Time({ schema }) {
  const { title, time, exact, size } = schema.view;
  const at = new Date(time);
  return create(
    mui.Typography,
    {
      component: "time",
      dateTime: time,
      title: `${at.toLocaleString()} (${exact})`,
      sx: { color: "text.secondary", fontSize: size, lineHeight: 1.4 },
    },
    title ?? at.toLocaleTimeString()
  );
}

const FOLDED = {
  display: "-webkit-box",
  WebkitLineClamp: "2",
  WebkitBoxOrient: "vertical",
  overflow: "hidden",
};

/** A text of which two lines are shown, until somebody wants to see all of it. */
export function Fold({ schema }) {
  const { title } = schema.view;
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
    mui.Box,
    null,
    create(
      mui.Typography,
      {
        ref: text,
        sx: {
          color: "text.primary",
          fontSize: "0.875rem",
          lineHeight: 1.4,
          overflowWrap: "anywhere",
          whiteSpace: "pre-line",
          ...(isOpen ? {} : FOLDED),
        },
      },
      title
    ),
    isLong &&
      create(
        mui.Button,
        {
          size: "small",
          sx: { p: 0, minWidth: 0, textTransform: "none", color: "var(--snapshots-info)" },
          "aria-expanded": isOpen,
          "aria-label": `Show ${said} of it`,
          onClick: () => setIsOpen(!isOpen),
        },
        `Show ${said}`
      )
  );
}
