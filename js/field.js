/*
 * A field in which something is typed. FiftyOne's own draws the whole panel anew, and asks the
 * server, with every letter; this one keeps to itself what is typed, and tells it after a pause, at
 * Enter (keys.js), and when the focus leaves.
 */
const { React, __foo__: operators, __fosp__: spaces, __mui__: mui } = window;
const create = React.createElement;

const PAUSE_MILLISECONDS = 250;

export function Typed({ schema, path, data, onChange, isFirst }) {
  const { placeholder, error, on_change: onTold } = schema.view;
  const value = data ?? "";
  const panel = spaces.usePanelId();
  const trigger = operators.usePanelEvent();
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
    onChange(path, typed);
    if (onTold) trigger(panel, { operator: onTold, params: { path, value: typed } });
  };
  React.useEffect(() => {
    const field = input.current;
    const wait = () => {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => tell.current(), PAUSE_MILLISECONDS);
    };
    const end = () => tell.current();
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
        autoFocus: isFirst,
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
