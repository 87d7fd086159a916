/*
 * The panels notice what others do. FiftyOne's own timer would show a spinner at every look;
 * this one asks quietly, and not at all while the page is hidden.
 */
const {
  React,
  recoil,
  __foo__: operators,
  __fos__: app,
  __fosp__: spaces,
} = window;

const OVERTAKEN_MILLISECONDS = 1000;
const PASSING_MILLISECONDS = 8000;
const USUAL_MILLISECONDS = 4000;

const NOT_CHOSEN = [undefined, null, false, 0, "", "all"];

/** What of a panel's state makes a difference, as a text. */
function told(value) {
  const chosen = (key, inner) => (NOT_CHOSEN.includes(inner) ? undefined : inner);
  const text = JSON.stringify(value, chosen);
  return text === "{}" ? undefined : text;
}

/** What a panel's state has at a path. */
function valueAt(state, path) {
  return path.split(".").reduce((value, key) => value?.[key], state);
}

/**
 * Asks from time to time whether the history of the open dataset is another one than the shown one,
 * and calls back if it is, with its version.
 *
 * ask: executes an operator quietly; version: the shown one, null if that is still to be asked for;
 * panels: those whose operations in the background are to be told of
 */
export function useNews({ ask, interval = USUAL_MILLISECONDS, version, panels, onNews }) {
  const dataset = recoil.useRecoilValue(app.datasetName);
  const latest = React.useRef();
  latest.current = { version, panels, onNews };
  React.useEffect(() => {
    let isAsking = false;
    const look = async () => {
      if (isAsking || document.hidden || !dataset) return;
      isAsking = true;
      try {
        const { version: shown, panels: told } = latest.current;
        const answer = await ask("describe_history", dataset, { panels: told });
        const isNew = answer && answer.version !== shown && latest.current.version === shown;
        if (isNew) latest.current.onNews(answer.version);
      } catch {
        // The server is away for a moment; the next look will tell
      } finally {
        isAsking = false;
      }
    };
    if (latest.current.version === null) look();
    const timer = setInterval(look, interval);
    return () => clearInterval(timer);
  }, [interval, dataset]);
}

/**
 * Makes the component that calls the panel back when the server's version of what it shows differs
 * from the shown one.
 *
 * ask: executes an operator quietly; shown: what is on screen, which it tells
 */
export function watching({ ask, shown }) {
  return function HistoryWatch({ schema }) {
    const { interval, version, on_new: onNew, on_compare: onCompare, history, keep, panels } = schema.view;
    const { asked, is_named: isNamed, passing, on_passed: onPassed } = schema.view;
    shown.state = keep;
    const panel = spaces.usePanelId();
    const [state] = spaces.usePanelState(null, panel);
    const name = state?.state?.history?.create?.fields?.name;
    const trigger = operators.usePanelEvent();
    const latest = React.useRef();
    latest.current = { trigger };
    shown.compare = (versions) => trigger(panel, { operator: onCompare, params: versions });
    const onNews = () => trigger(panel, { operator: onNew, params: {} });
    useNews({ ask, interval, version, panels, onNews });

    React.useEffect(() => {
      Object.assign(shown, { dataset: history, until: Infinity });
      return () => {
        shown.until = Date.now();
        shown.compare = null;
      };
    }, [history]);

    React.useEffect(() => {
      if (!passing) return undefined;
      const pass = () => latest.current.trigger(panel, { operator: onPassed, params: {} });
      const timer = setTimeout(pass, PASSING_MILLISECONDS);
      return () => clearTimeout(timer);
    }, [passing, onPassed, panel]);

    // Of two answers, that to what was asked first may come last, and would stay
    const missed = Object.entries(asked)
      .map(([path, value]) => [told(valueAt(state?.state, path)), told(value)])
      .filter(([wanted, answered]) => wanted !== answered);
    // A name that is complained of, and that has been used and cleared since, is no other
    const overtaken = isNamed && !name ? "name" : missed.length ? JSON.stringify(missed) : null;
    React.useEffect(() => {
      if (!overtaken) return undefined;
      const look = () => latest.current.trigger(panel, { operator: onNew, params: {} });
      const timer = setTimeout(look, OVERTAKEN_MILLISECONDS);
      return () => clearTimeout(timer);
    }, [overtaken, onNew, panel]);

    return null;
  }
}
