/*
 * Dialogs show what an action would change, which takes its time to calculate.
 */
const { React, __foo__: operators, __mui__: mui } = window;
const create = React.createElement;

/** Asks for a preview until it is there, and puts it into the form. */
export function Preview({ schema, path, onChange }) {
  const { operator, params, label, progress, error, is_done: isDone } = schema.view;
  const put = React.useRef();
  put.current = (found) => onChange(path, { params, ...found });
  React.useEffect(() => {
    let isWanted = !isDone;
    const look = (task) =>
      operators.executeOperator(
        operator,
        { ...params, task_id: task },
        {
          callback: ({ result, error, errorMessage }) => {
            if (!isWanted) return;
            put.current(error ? { error: errorMessage || String(error) } : { result });
            if (!error && result?.state === "running") look(result.task_id);
          },
        }
      );
    if (isWanted) look(null);
    return () => {
      isWanted = false;
    };
    // What is shown of it changes while it is calculated
  }, [operator, JSON.stringify(params)]);

  if (isDone) return null;
  if (error) return create(mui.Alert, { severity: "error" }, error);
  const percent = Math.round(100 * (progress || 0));
  const known = percent ? { variant: "determinate", value: percent } : {};
  return create(
    mui.Box,
    { role: "status", "data-testid": "history-preview", sx: { py: 1 } },
    create(mui.Typography, { variant: "body2", gutterBottom: true }, `${label}…`),
    create(mui.LinearProgress, known)
  );
}

