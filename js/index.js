/*
 * The App's script of fiftyone-snapshots: what a Python panel cannot do.
 *
 * 1. While a snapshot is open, the App's own editing controls are off. The App keeps switches for
 *    them in its session (readOnly, canTagSamplesOrLabels, ...). They are reset by a page reload
 *    but not by opening another dataset, so they are set anew whenever a dataset is opened. This
 *    is a courtesy to people: what refuses to write to a snapshot is the database.
 * 2. The panels notice what others do (watch.js).
 * 3. Showing samples of another version opens that version first, and the view when it is there.
 * 4. Keys do in the panel what people expect of them (keys.js).
 * 5. Menus (menu.js) and rows (rows.js) act in the window in which something was chosen. The App keeps
 *    the choice of a drop-down in the panel's state, which all windows of a server share, and each of
 *    them takes the change for a choice of its own.
 * 6. When the content of the open dataset is exchanged, by whomever, the grid shows it.
 * 7. Dialogs show what an action would change (preview.js).
 * 8. A conflict of a merge opens its sample as the grid shows it, with the fields of both sides.
 * 9. While a snapshot is open, a banner above everything says so (banner.js).
 * 10. The page's address can name a snapshot (link.js); and a dataset without samples,
 *    of which the App shows no panels, offers its snapshots.
 * 11. Times and long descriptions (texts.js). A comparison shows the changed samples before and after (pictures.js),
 *    the window of a sample its versions (strip.js).
 * 12. Nothing keeps the App from answering: the list of snapshots is one component (rows.js), what is typed
 *    is told after a pause (field.js), and what has not changed is not drawn again (still.js).
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
    __fou__: utilities,
  } = window;
  const create = React.createElement;

  const OPEN_HISTORY = { name: "history", layout: "horizontal", isActive: true };
  // How long it may take to open a dataset: a large one, on a busy server
  const SWITCH_MILLISECONDS = 60000;
  const WATCH_MILLISECONDS = 4000;
  const KNOWN_MILLISECONDS = 300;
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
    [data-testid=history-menu] .MuiMenuItem-divider { border-bottom: 1px solid rgba(128, 128, 128, 0.5); }
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

  /** The view to show once a dataset has been opened for it, and which one it was asked for in. */
  let pending = null;

  /** What the switches were before a snapshot was opened; null while none is. */
  let unlocked = null;

  /** The dataset that is open, and the version of its content that the grid shows. */
  let grid = { dataset: null, version: null, isLost: false, isSnapshot: false };

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

  const banner = Promise.all([part("banner.js"), part("menu.js")]).then(
    ([{ placeBanner }, { Menu }]) =>
      placeBanner({ Menu, ask, opened: () => read && read(app.datasetName) })
  );

  /** Reads what the App shows at the time. */
  function useReading() {
    const reading = ({ snapshot }) => (atom) => snapshot.getPromise(atom);
    return recoil.useRecoilCallback(reading, []);
  }

  function unlisted(name, label, more = {}) {
    return new operators.OperatorConfig({ name, label, unlisted: true, ...more });
  }

  class LockSnapshot extends operators.Operator {
    get config() {
      return unlisted("lock_snapshot", "Turn editing off while a snapshot is open", { onDatasetOpen: true });
    }

    useHooks() {
      return {
        set: app.useSessionSetter(),
        read: useReading(),
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

      const isFollowed = pending?.dataset === dataset && pending.history;
      if (pending?.dataset === dataset) {
        if (pending.view?.length) operators.executeOperator("set_view", { view: pending.view });
        if (pending.filters) operators.executeOperator("set_filters", pending.filters);
      }
      // What was asked for in a dataset may still be looking at that one
      if (pending?.from !== dataset) pending = null;
      if (open?.is_lost && grid.dataset !== dataset) {
        runWhenKnown("bring_back_samples", { ask: true });
      }
      grid = { dataset, version: open?.version, isLost: open?.is_lost, isSnapshot: Boolean(open?.snapshot) };
      banner.then(({ show }) => show(open?.snapshot ? dataset : null));
      // The App closes all panels when it opens another dataset; this one is for going back and
      // forth, to branches as well
      const isSameHistory = open?.dataset && open.dataset === shown.dataset;
      const wasShown = Date.now() - shown.until < SWITCH_MILLISECONDS;
      if ((isSameHistory || isFollowed) && wasShown) {
        const state = isSameHistory ? shown.state : {};
        operators.executeOperator("open_panel", { ...OPEN_HISTORY, state: { state } });
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
      return unlisted("open_view", "Open a view of another version");
    }

    useHooks() {
      return { read: useReading() };
    }

    async execute({ hooks, params }) {
      pending = { ...params, from: await hooks.read(app.datasetName) };
      operators.executeOperator("open_dataset", { dataset: params.dataset });
    }
  }

  /** Opens a sample with the fields that the grid shows: the App's own operator shows those before. */
  class ShowSample extends operators.Operator {
    get config() {
      return unlisted("show_sample", "Open a sample");
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
      return unlisted("run_when_known", "Run an operator once it is there");
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
      return unlisted("show_comparison", "Show a comparison");
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
      return unlisted("show_content", "Show the content of the dataset anew");
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
    if (grid.isSnapshot && !open?.dataset) {
      // Deleted by somebody else, unless another dataset is just being opened because of that: said
      // at the second look, once, as of a link that leads to it
      if (grid.isGone) runWhenKnown("open_link", { address: dataset });
      grid.isSnapshot = !grid.isGone;
      grid.isGone = true;
      return;
    }
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

  function runWhenKnown(operator, params = {}) {
    operators.executeOperator(`${PLUGIN}/run_when_known`, { operator, params });
  }

  /** A component of a part of this script, which is loaded when it is first shown. */
  function partOf(load) {
    const Part = React.lazy(async () => ({ default: await load() }));
    return (props) => create(React.Suspense, { fallback: null }, create(Part, props));
  }

  const buttons = part("button.js");
  const dots = Promise.all([buttons, part("menu.js")]).then(([{ Button }, { dotted }]) => dotted(Button));

  const Typed = partOf(async () => (await part("field.js")).Typed);

  /** A field; the App would put the focus into what is there before it is loaded. */
  function Field(props) {
    if (props.autoFocused) props.autoFocused.current = true;
    return create(Typed, props);
  }

  const ours = {
    SnapshotsRows: partOf(async () => {
      const parts = await Promise.all([part("rows.js"), buttons, dots, part("texts.js")]);
      const [{ listing }, { Button }, { Dots }, { Moment, Fold }] = parts;
      return listing({ Button, Dots, Moment, Fold });
    }),
    SnapshotsButton: partOf(async () => (await buttons).Pressed),
    SnapshotsField: Field,
    SnapshotsStill: partOf(async () => (await part("still.js")).Still),
    SnapshotsPictures: partOf(async () => (await part("pictures.js")).Pictures),
    SnapshotsStrip: partOf(async () => {
      const [{ following }, { useNews }] = await Promise.all(["strip.js", "watch.js"].map(part));
      return following({ ask, useNews });
    }),
    SnapshotsHistoryWatch: partOf(async () => (await part("watch.js")).watching({ ask, shown })),
    SnapshotsMenu: partOf(async () => (await dots).Told),
    SnapshotsPreview: partOf(async () => (await part("preview.js")).Preview),
    SnapshotsTime: partOf(async () => (await part("texts.js")).Time),
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
  for (const operator of [LockSnapshot, OpenView, RunWhenKnown, ShowComparison, ShowContent, ShowSample]) {
    operators.registerOperator(operator, PLUGIN);
  }
  // The dataset of the page's address was opened before plugins were loaded
  operators.executeOperator(`${PLUGIN}/lock_snapshot`);
  part("link.js").then(({ link }) => {
    const named = link();
    if (named) runWhenKnown("open_link", named);
  });
  part("keys.js");
})();
