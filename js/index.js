/*
 * The App's script of fiftyone-snapshots: what a Python panel cannot do.
 *
 * 1. While a snapshot is open, the App's own editing controls are off. The App keeps switches for
 *    them in its session (readOnly, canTagSamplesOrLabels, ...). They are reset by a page reload
 *    but not by opening another dataset, so they are set anew whenever a dataset is opened. This
 *    is a courtesy to people: what refuses to write to a snapshot is the database.
 * 2. The History panel notices what others do. FiftyOne's own timer would show a spinner at every
 *    look; this one asks quietly, and not at all while the page is hidden.
 * 3. Showing samples of another version opens that version first, and the view when it is there.
 * 4. Enter presses the panel's buttons, which the App would otherwise prevent.
 *
 * Plain JavaScript on the globals that FiftyOne gives to plugins, so that what is committed is what
 * runs: there is no build. All decisions are made in Python.
 */
(() => {
  "use strict";

  const PLUGIN = "@snapshots/versioning";
  const {
    React,
    recoil,
    __fop__: plugins,
    __foo__: operators,
    __fos__: app,
    __fosp__: spaces,
    __fou__: utilities,
  } = window;

  const OPEN_HISTORY = { name: "history", layout: "horizontal", isActive: true };
  const SWITCH_MILLISECONDS = 5000;
  const OVERTAKEN_MILLISECONDS = 1000;

  const OFF = { enabled: false, message: "This is a snapshot: read-only" };
  const LOCKED = {
    readOnly: true,
    canAnnotate: OFF,
    canCreateNewField: OFF,
    canEditCustomColors: OFF,
    canEditLabels: OFF,
    canEditSavedViews: OFF,
    canEditWorkspaces: OFF,
    canManageSchema: OFF,
    canModifySidebarGroup: OFF,
    canTagSamplesOrLabels: OFF,
  };

  /** Executes one of our operators without the App's progress indicators; returns its result. */
  async function ask(operator, dataset, params = {}) {
    const post = utilities.getFetchFunction();
    const answer = await post("POST", "/operators/execute", {
      operator_uri: `${PLUGIN}/${operator}`,
      dataset_name: dataset,
      params,
    });
    return answer.result;
  }

  /** The dataset whose history is on screen, when that was last so, and what to keep of it. */
  const shown = { dataset: null, until: 0, state: {} };

  /** The view to show once a dataset has been opened for it. */
  let pending = null;

  /** What the switches were before a snapshot was opened; null while none is. */
  let unlocked = null;

  /** The last time that datasets were looked at, which the next time waits for. */
  let turn = Promise.resolve();

  class LockSnapshot extends operators.Operator {
    get config() {
      return new operators.OperatorConfig({
        name: "lock_snapshot",
        label: "Turn editing off while a snapshot is open",
        unlisted: true,
        onDatasetOpen: true,
      });
    }

    useHooks() {
      return {
        set: app.useSessionSetter(),
        read: recoil.useRecoilCallback(
          ({ snapshot }) =>
            (atom) =>
              snapshot.getPromise(atom),
          []
        ),
      };
    }

    execute({ hooks }) {
      // One after the other: what was switched off must not be taken for how things were
      turn = turn.catch(() => {}).then(() => this.apply(hooks));
      return turn;
    }

    async apply(hooks) {
      const dataset = await hooks.read(app.datasetName);
      const open = dataset ? await ask("describe_open_snapshot", dataset) : null;
      // Another dataset may have been opened while the server answered; that has its own turn
      if (dataset !== (await hooks.read(app.datasetName))) return;

      if (pending?.dataset === dataset) {
        operators.executeOperator("set_view", { view: pending.view });
      }
      pending = null;
      // The App closes all panels when it opens another dataset; this one is for going back and forth
      const isSameHistory = open?.dataset && open.dataset === shown.dataset;
      if (isSameHistory && Date.now() - shown.until < SWITCH_MILLISECONDS) {
        operators.executeOperator("open_panel", {
          ...OPEN_HISTORY,
          state: { state: shown.state },
        });
      }
      if (open?.snapshot && !unlocked) {
        const names = Object.keys(LOCKED).filter((name) => app[name]);
        const values = await Promise.all(names.map((name) => hooks.read(app[name])));
        unlocked = Object.fromEntries(names.map((name, i) => [name, values[i]]));
        names.forEach((name) => hooks.set(name, LOCKED[name]));
      } else if (!open?.snapshot && unlocked) {
        Object.entries(unlocked).forEach(([name, value]) => hooks.set(name, value));
        unlocked = null;
      }
    }
  }

  class OpenView extends operators.Operator {
    get config() {
      return new operators.OperatorConfig({
        name: "open_view",
        label: "Open a view of another version",
        unlisted: true,
      });
    }

    async execute({ params }) {
      pending = params;
      operators.executeOperator("open_dataset", { dataset: params.dataset });
    }
  }

  /** Calls the panel back when the server's version of what it shows differs from the shown one. */
  function HistoryWatch({ schema }) {
    const { interval, version, on_new: onNew, history, keep, panels, is_named: isNamed } = schema.view;
    shown.state = keep;
    const panel = spaces.usePanelId();
    const [state] = spaces.usePanelState(null, panel);
    const name = state?.state?.history?.create?.fields?.name;
    const trigger = operators.usePanelEvent();
    const dataset = recoil.useRecoilValue(app.datasetName);
    const latest = React.useRef();
    latest.current = { version, trigger, panels };

    React.useEffect(() => {
      Object.assign(shown, { dataset: history, until: Infinity });
      return () => {
        shown.until = Date.now();
      };
    }, [history]);

    React.useEffect(() => {
      let isAsking = false;
      const timer = setInterval(async () => {
        if (isAsking || document.hidden || !dataset) return;
        isAsking = true;
        try {
          const shown = latest.current.version;
          const answer = await ask("describe_history", dataset, { panels: latest.current.panels });
          if (answer && answer.version !== shown && latest.current.version === shown) {
            latest.current.trigger(panel, { operator: onNew, params: {} });
          }
        } catch {
          // The server is away for a moment; the next look will tell
        } finally {
          isAsking = false;
        }
      }, interval);
      return () => clearInterval(timer);
    }, [interval, onNew, panel, dataset]);

    // An answer that was overtaken still complains of a name that has been used and cleared since
    const isOvertaken = isNamed && !name;
    React.useEffect(() => {
      if (!isOvertaken) return undefined;
      const look = () => latest.current.trigger(panel, { operator: onNew, params: {} });
      const timer = setTimeout(look, OVERTAKEN_MILLISECONDS);
      return () => clearTimeout(timer);
    }, [isOvertaken, onNew, panel]);

    return null;
  }

  // The App takes Enter for itself, wherever the focus is; in our panel it presses buttons
  window.addEventListener(
    "keydown",
    (event) => {
      const pressed = event.target.closest?.("[data-testid=history-panel] button");
      if (event.key === "Enter" && pressed) event.stopImmediatePropagation();
    },
    true
  );

  plugins.registerComponent({
    name: "SnapshotsHistoryWatch",
    label: "History watch",
    component: HistoryWatch,
    type: plugins.PluginComponentType.Component,
    activator: () => true,
  });
  operators.registerOperator(LockSnapshot, PLUGIN);
  operators.registerOperator(OpenView, PLUGIN);
  // The dataset of the page's address was opened before plugins were loaded
  operators.executeOperator(`${PLUGIN}/lock_snapshot`);
})();
