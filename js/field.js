/*
 * A field in which something is typed. FiftyOne's own draws the whole panel anew, and asks the
 * server, with every letter; this one keeps to itself what is typed, and tells it after a pause, at
 * Enter (keys.js), and when the focus leaves.
 */
const { React, __foo__: operators, __fosp__: spaces, __mui__: mui } = window;
const create = React.createElement;

const PAUSE_MILLISECONDS = 250;

/** Returns a copy of what there is, with a value at a path. */
function withValue(there, [key, ...inner], value) {
  return { ...there, [key]: inner.length ? withValue(there?.[key], inner, value) : value };
}

export function Typed({ schema }) {
  const { placeholder, error, shown, is_first: isFirst, keep, on_change: onTold } = schema.view;
  const panel = spaces.usePanelId();
  const [state, setState] = spaces.usePanelState(null, panel);
  const trigger = operators.usePanelEvent();
  const path = keep.split(".");
  const value = path.reduce((inner, key) => inner?.[key], state?.state) ?? "";
  const input = React.useRef();
  const timer = React.useRef(null);
  const told = React.useRef(value);

  const tell = React.useRef();
  tell.current = () => {
    clearTimeout(timer.current);
    timer.current = null;
    const typed = input.current.value;
    if (typed === told.current) return;
    told.current = typed;
    setState((before) => ({ ...before, state: withValue(before?.state, path, typed) }));
    if (onTold) trigger(panel, { operator: onTold, params: { path: keep, value: typed, shown } });
  };
  React.useEffect(() => {
    const field = input.current;
    const wait = () => {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => tell.current(), PAUSE_MILLISECONDS);
    };
    const end = () => tell.current();
    // Whoever types elsewhere goes on there; and the App, which is as high as the window, stays there
    const isTyping = document.activeElement.matches("input, textarea");
    if (isFirst && !isTyping) field.focus({ preventScroll: true });
    field.addEventListener("input", wait);
    field.addEventListener("change", end);
    return () => {
      clearTimeout(timer.current);
      field.removeEventListener("input", wait);
      field.removeEventListener("change", end);
    };
  }, []);
  React.useEffect(() => {
    // What is typed and not told yet is newer than any answer
    if (timer.current !== null || value === told.current) return;
    told.current = value;
    input.current.value = value;
  }, [value]);

  return React.useMemo(
    () =>
      create(mui.TextField, {
        inputRef: input,
        defaultValue: value,
        placeholder,
        error: Boolean(error),
        helperText: error,
        inputProps: { "aria-label": placeholder },
        size: "small",
        fullWidth: true,
      }),
    [placeholder, error]
  );
}
