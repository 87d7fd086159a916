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
 * 5. Menus act in the window in which something was chosen. The App keeps the choice of a
 *    drop-down in the panel's state, which all windows of a server share, and each of them takes
 *    the change for a choice of its own.
 * 6. When the content of the open dataset is exchanged, by whomever, the grid shows it.
 * 7. Dialogs show what an action would change, which takes its time to calculate.
 * 8. A conflict of a merge opens its sample as the grid shows it, with the fields of both sides.
 * 9. While a snapshot is open, a banner above everything says so (banner.js).
 * 10. The page's address can name a snapshot that is not open yet; and a dataset without samples,
 *    of which the App shows no panels, offers its snapshots.
 * 11. A comparison shows the changed samples before and after (pictures.js).
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
    __foc__: components,
    __fop__: plugins,
    __foo__: operators,
    __fos__: app,
    __fosp__: spaces,
    __fou__: utilities,
    __mui__: mui,
  } = window;
  const create = React.createElement;

  const OPEN_HISTORY = { name: "history", layout: "horizontal", isActive: true };
  // How long it may take to open a dataset: a large one, on a busy server
  const SWITCH_MILLISECONDS = 60000;
  const OVERTAKEN_MILLISECONDS = 1000;
  const WATCH_MILLISECONDS = 4000;
  const KNOWN_MILLISECONDS = 300;
  const LEFT_MILLISECONDS = 1000;
  const PASSING_MILLISECONDS = 8000;
  const SAVABLE_MILLISECONDS = 3000;
  const SCRIPT = document.currentScript.src;

  // Of each theme: read on the App's backgrounds with a contrast of 4.5 at least
  const tones = document.createElement("style");
  tones.textContent = `
    html {
      --snapshots-added: #1a7a42; --snapshots-deleted: #c62f2a;
      --snapshots-changed: #8f5a00; --snapshots-info: #1b6fb3;
    }
    html[data-mui-color-scheme="dark"] {
      --snapshots-added: #3fb873; --snapshots-deleted: #ff7b74;
      --snapshots-changed: #e0a030; --snapshots-info: #5fa8e6;
    }
    [data-testid=history-panel] :is(button, input, [role=combobox]):focus-visible {
      outline: 2px solid var(--snapshots-info); outline-offset: 1px;
    }
  `;
  document.head.append(tones);

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

  /** The dataset that is open, and the version of its content that the grid shows. */
  let grid = { dataset: null, version: null, isLost: false };

  /** Reads what the App shows; there once a dataset has been looked at. */
  let read = null;

  /** The last time that datasets were looked at, which the next time waits for. */
  let turn = Promise.resolve();

  // FiftyOne loads this script alone, by a name that changes with its content. Looking first whether
  // the others are as the browser remembers them keeps it from using old ones
  const part = async (name) => {
    const address = new URL(name, SCRIPT).href;
    await fetch(address, { cache: "no-cache" });
    return import(address);
  };

  /** The dataset for which the banner is there, and what draws it. */
  let banner = { dataset: null, draw: null };
  const drawing = part("banner.js").then(({ placeBanner }) =>
    placeBanner({ act: useBanner, refresh: () => showBanner(banner.dataset) })
  );

  /** Shows the banner of a snapshot. */
  async function showBanner(dataset) {
    const draw = await drawing;
    const told = dataset ? await ask("describe_banner", dataset) : null;
    if (!told?.snapshot || (await read(app.datasetName)) !== dataset) return;
    banner = { dataset, draw };
    draw(told);
  }

  /** Takes the banner away unless a dataset is the one that it is there for. */
  function forgetBanner(dataset) {
    if (!banner.dataset || banner.dataset === dataset) return;
    banner.draw(null);
    banner = { dataset: null, draw: null };
  }

  /** Does what was clicked in the banner; returns the result. */
  function useBanner(value) {
    return new Promise((resolve, reject) => {
      const callback = ({ result, error, errorMessage }) => {
        if (error) {
          reject(errorMessage || error);
          return;
        }
        resolve(result);
        showBanner(banner.dataset);
      };
      operators.executeOperator(`${PLUGIN}/use_banner`, { value }, { callback, skipErrorNotification: true });
    });
  }

  // The App's start page, for one, is no dataset that is opened
  setInterval(async () => {
    if (banner.dataset) forgetBanner(await read(app.datasetName));
  }, LEFT_MILLISECONDS);

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
      read = hooks.read;
      const dataset = await hooks.read(app.datasetName);
      const open = dataset ? await ask("describe_open_snapshot", dataset) : null;
      // Another dataset may have been opened while the server answered; that has its own turn
      if (dataset !== (await hooks.read(app.datasetName))) return;

      if (pending?.dataset === dataset) {
        if (pending.view?.length) operators.executeOperator("set_view", { view: pending.view });
        if (pending.filters) operators.executeOperator("set_filters", pending.filters);
      }
      pending = null;
      if (open?.is_lost && grid.dataset !== dataset) {
        runWhenKnown("bring_back_samples", { ask: true });
      }
      grid = { dataset, version: open?.version, isLost: open?.is_lost };
      if (open?.snapshot) showBanner(dataset);
      else forgetBanner(dataset);
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

  /** Opens a sample with the fields that the grid shows: the App's own operator shows those before. */
  class ShowSample extends operators.Operator {
    get config() {
      return new operators.OperatorConfig({
        name: "show_sample",
        label: "Open a sample",
        unlisted: true,
      });
    }

    useHooks() {
      return { prepare: app.useSetModalState(), expand: app.useSetExpandedSample() };
    }

    async execute({ hooks, params }) {
      await hooks.prepare();
      await hooks.expand({ id: params.id });
    }
  }

  /** Executes an operator of ours in Python as soon as the App has heard of it. */
  class RunWhenKnown extends operators.Operator {
    get config() {
      return new operators.OperatorConfig({
        name: "run_when_known",
        label: "Run an operator once it is there",
        unlisted: true,
      });
    }

    useHooks() {
      return operators.useFirstExistingUri([`${PLUGIN}/open_link`]);
    }

    execute({ hooks, params }) {
      if (hooks.exists) {
        operators.executeOperator(`${PLUGIN}/${params.operator}`, params.params);
      } else {
        const again = () => operators.executeOperator(`${PLUGIN}/run_when_known`, params);
        setTimeout(again, KNOWN_MILLISECONDS);
      }
    }
  }

  /** Shows a comparison in the History panel, which may have to be opened for it. */
  class ShowComparison extends operators.Operator {
    get config() {
      return new operators.OperatorConfig({
        name: "show_comparison",
        label: "Show a comparison",
        unlisted: true,
      });
    }

    async execute({ params: { versions } }) {
      // The panel is beside the grid, on which an open sample lies
      operators.executeOperator("close_sample");
      if (shown.compare) shown.compare(versions);
      else {
        const state = { ...shown.state, compare: versions, history: { versions } };
        operators.executeOperator("open_panel", { ...OPEN_HISTORY, state: { state } });
      }
    }
  }

  class ShowContent extends operators.Operator {
    get config() {
      return new operators.OperatorConfig({
        name: "show_content",
        label: "Show the content of the dataset anew",
        unlisted: true,
      });
    }

    async execute() {
      await lookAtContent(true);
    }
  }

  /** Shows the open dataset anew if its content was exchanged since, or in any case. */
  async function lookAtContent(always = false) {
    const { dataset, version } = grid;
    const open = dataset ? await ask("describe_open_snapshot", dataset) : null;
    if (grid.dataset !== dataset || (await read(app.datasetName)) !== dataset) return;
    grid.version = open?.version;
    if (always || (version && open?.version && version !== open.version)) {
      // Where there were no samples, the App shows another page, and stays there
      if (grid.isLost) window.location.reload();
      else operators.executeOperator("reload_dataset");
    }
  }

  let isLooking = false;
  setInterval(async () => {
    if (isLooking || document.hidden || !read) return;
    isLooking = true;
    try {
      await lookAtContent();
    } catch {
      // The server is away for a moment; the next look will tell
    } finally {
      isLooking = false;
    }
  }, WATCH_MILLISECONDS);

  /** A menu behind three dots. */
  function Menu({ schema }) {
    const { label, choices, on_choose: onChoose } = schema.view;
    const panel = spaces.usePanelId();
    const trigger = operators.usePanelEvent();
    const [anchor, setAnchor] = React.useState(null);
    const choose = (value) => {
      setAnchor(null);
      trigger(panel, { operator: onChoose, params: { value } });
    };
    return create(
      React.Fragment,
      null,
      create(
        mui.IconButton,
        {
          "aria-label": label,
          "aria-haspopup": "menu",
          size: "small",
          onClick: (event) => setAnchor(event.currentTarget),
        },
        create(components.MuiIconFont, { name: "more_vert", sx: { fontSize: 20 } })
      ),
      create(
        mui.Menu,
        {
          anchorEl: anchor,
          open: Boolean(anchor),
          onClose: () => setAnchor(null),
          "data-testid": "history-menu",
        },
        choices.map(({ value, label, group, is_dangerous: isDangerous }, place) =>
          create(
            mui.MenuItem,
            {
              key: value,
              dense: true,
              // A line below each group but the last
              divider: place + 1 < choices.length && choices[place + 1].group !== group,
              sx: isDangerous ? { color: "error.main" } : undefined,
              onClick: () => choose(value),
              // The App keeps the keydown of Enter, which MUI listens to, from everybody else
              onKeyPress: (event) => event.key === "Enter" && choose(value),
            },
            label
          )
        )
      )
    );
  }

  /** Asks for a preview until it is there, and puts it into the form. */
  function Preview({ schema, path, onChange }) {
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

  function runWhenKnown(operator, params = {}) {
    operators.executeOperator(`${PLUGIN}/run_when_known`, { operator, params });
  }

  /**
   * Takes ?snapshot= out of the page's address, now and whenever the App puts it there again.
   *
   * The App carries it to the next dataset, where a reload would follow it once more.
   */
  function forgetLink() {
    const { history } = window;
    const replace = history.replaceState;
    for (const name of ["pushState", "replaceState"]) {
      const original = history[name];
      if (original.forgetsLinks) continue;
      history[name] = function (state, unused, address) {
        const url = new URL(address ?? window.location.href, window.location.href);
        url.searchParams.delete("snapshot");
        return original.call(history, state, unused, url);
      };
      history[name].forgetsLinks = true;
    }
    const here = new URL(window.location.href);
    here.searchParams.delete("snapshot");
    replace.call(history, history.state, "", here);
  }

  /** Returns what the page's address says of a snapshot, or null. */
  function link() {
    const [navigation] = performance.getEntriesByType("navigation");
    const url = new URL(navigation?.name || window.location.href);
    const address = url.pathname.match(/\/datasets\/([^/]+)\/?$/);
    if (!address) return null;
    const [name, snapshot] = [decodeURIComponent(address[1]), url.searchParams.get("snapshot")];
    if (snapshot) forgetLink();
    return snapshot || name.includes("@") ? { address: name, snapshot } : null;
  }

  /** Calls the panel back when the server's version of what it shows differs from the shown one. */
  function HistoryWatch({ schema }) {
    const { interval, version, on_new: onNew, on_compare: onCompare, history, keep, panels } = schema.view;
    const { is_named: isNamed, passing, on_passed: onPassed } = schema.view;
    shown.state = keep;
    const panel = spaces.usePanelId();
    const [state] = spaces.usePanelState(null, panel);
    const name = state?.state?.history?.create?.fields?.name;
    const trigger = operators.usePanelEvent();
    const dataset = recoil.useRecoilValue(app.datasetName);
    const latest = React.useRef();
    latest.current = { version, trigger, panels };
    shown.compare = (versions) => trigger(panel, { operator: onCompare, params: versions });

    React.useEffect(() => {
      Object.assign(shown, { dataset: history, until: Infinity });
      return () => {
        shown.until = Date.now();
        shown.compare = null;
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

    React.useEffect(() => {
      if (!passing) return undefined;
      const pass = () => latest.current.trigger(panel, { operator: onPassed, params: {} });
      const timer = setTimeout(pass, PASSING_MILLISECONDS);
      return () => clearTimeout(timer);
    }, [passing, onPassed, panel]);

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

  const PANEL = "[data-testid=history-panel]";
  const CREATE = "[data-testid=history-create]";

  /** Presses "Save new snapshot" as soon as the name that was typed is known to be usable. */
  function save(box) {
    const until = Date.now() + SAVABLE_MILLISECONDS;
    const press = () => {
      const button = [...box.querySelectorAll("button")].find((each) => each.matches(SAVE));
      if (button && !button.disabled) button.click();
      else if (Date.now() < until) setTimeout(press, 100);
    };
    // The App tells of what is typed a moment later
    setTimeout(press, KNOWN_MILLISECONDS);
  }
  const SAVE = "[aria-label='Save new snapshot']";

  /** Whether what was clicked last is in our panel. */
  let isPanelUsed = false;
  window.addEventListener(
    "pointerdown",
    ({ target }) => {
      isPanelUsed = Boolean(target.closest?.(PANEL));
    },
    true
  );
  window.addEventListener(
    "keydown",
    (event) => {
      const { target, key } = event;
      const isTyped = target.matches?.("input, textarea, [contenteditable=true]");
      const isHere = target.closest?.(PANEL) || (target === document.body && isPanelUsed);
      if (key === "Enter" && isTyped && target.closest(CREATE)) {
        event.stopImmediatePropagation();
        save(target.closest(CREATE));
      } else if (key === "z" && (event.ctrlKey || event.metaKey) && isHere && !isTyped) {
        // Offered, not done: the next Enter does it
        const undo = document.querySelector(`${PANEL} [data-undo]`);
        if (!undo) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        undo.focus({ preventScroll: true });
      }
    },
    true
  );

  // The App takes Enter for itself, wherever the focus is; in our panel it presses buttons
  const PRESSED = "[data-testid=history-panel] button, [data-testid=history-menu] [role=menuitem]";
  window.addEventListener(
    "keydown",
    (event) => {
      const pressed = event.target.closest?.(PRESSED);
      if (event.key === "Enter" && pressed) event.stopImmediatePropagation();
    },
    true
  );

  /** A point in time, in words; pointed at, exactly, as the clock here has it and in UTC. */
  function Time({ schema }) {
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

  const Drawn = React.lazy(() => part("pictures.js"));

  /** The changed samples of a comparison, before and after. */
  function Pictures({ schema }) {
    const { samples, on_show: onShow } = schema.view;
    const panel = spaces.usePanelId();
    const trigger = operators.usePanelEvent();
    const show = (id) =>
      trigger(panel, { operator: onShow, params: { kind: "changed", sample_id: id } });
    return create(React.Suspense, { fallback: null }, create(Drawn, { samples, show }));
  }

  const ours = {
    SnapshotsPictures: Pictures,
    SnapshotsHistoryWatch: HistoryWatch,
    SnapshotsMenu: Menu,
    SnapshotsPreview: Preview,
    SnapshotsTime: Time,
    SnapshotsMark: () => null,
  };
  for (const [name, component] of Object.entries(ours)) {
    plugins.registerComponent({
      name,
      label: name,
      component,
      type: plugins.PluginComponentType.Component,
      activator: () => true,
    });
  }
  for (const operator of [
    LockSnapshot,
    OpenView,
    RunWhenKnown,
    ShowComparison,
    ShowContent,
    ShowSample,
  ]) {
    operators.registerOperator(operator, PLUGIN);
  }
  // The dataset of the page's address was opened before plugins were loaded
  operators.executeOperator(`${PLUGIN}/lock_snapshot`);
  const named = link();
  if (named) runWhenKnown("open_link", named);
})();
