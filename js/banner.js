/*
 * The banner above everything while a snapshot is open: in the grid and in the sample's window,
 * whether the History panel is open or not.
 *
 * FiftyOne has no place for it (see docs/design/0017-banner.md), so it is a part of the page of its
 * own, before the App's, which makes room. What it says and offers, Python tells; what is clicked,
 * it hands on.
 */
const { React, ReactDOM, __foo__: operators } = window;
const create = React.createElement;

const ID = "snapshots-banner";
const SAID_MILLISECONDS = 6000;
const FRESH_MILLISECONDS = 2000;
const LEFT_MILLISECONDS = 1000;
const ALL = "/";
const USE_BANNER = "@snapshots/versioning/use_banner";

// White on brown has a contrast of 7.4 in both themes, and nothing of the App looks like it
const STYLE = `
  #${ID} {
    flex: none; display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px;
    box-sizing: border-box; width: 100%; max-width: 100vw; min-height: 40px; padding: 4px 12px;
    position: relative; z-index: 1001;
    background: #7a4b00; color: #fff; font-size: 14px; line-height: 1.3;
  }
  #${ID}:empty { display: none; }
  #${ID} .name { font-weight: 700; overflow-wrap: anywhere; }
  #${ID} .lock { font-weight: 700; padding: 1px 8px; border: 1px solid #fff; border-radius: 10px; white-space: nowrap; }
  #${ID} .where { flex: 1 1 200px; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  #${ID} .actions { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; }
  #${ID} button, #${ID} select {
    font: inherit; min-height: 30px; padding: 2px 10px; border: 1px solid #fff; border-radius: 4px;
    background: transparent; color: #fff; cursor: pointer; white-space: nowrap;
  }
  #${ID} select { max-width: 190px; text-overflow: ellipsis; background: #7a4b00; }
  #${ID} option { background: #fff; color: #222; }
  #${ID} option:disabled { color: #6b6b6b; }
  #${ID} button.back { background: #fff; color: #5a3700; font-weight: 700; }
  #${ID} button:hover, #${ID} select:hover { outline: 1px solid #fff; }
  #${ID} :focus-visible { outline: 3px solid #fff; outline-offset: 1px; }
  #${ID} .said { flex-basis: 100%; }
  /* Else the page would be longer than the window, by as much as the App does not make room */
  body:has(> #${ID}:not(:empty)) > #root { min-height: 0; }
  /* The sample's window and its floating tools lie on the whole page: below the banner now */
  body:has(> #${ID}:not(:empty)) > #modal {
    top: var(--${ID}-height); height: calc(100% - var(--${ID}-height)); transform: translateZ(0);
  }
  .${ID}-menu { background: var(--fo-palette-background-level1) !important; color: var(--fo-palette-text-primary) !important; }
`;

/** Copies a text; also where the page is not served securely. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    if (!isCopied) throw new Error(`The browser lets nobody copy. The link is ${text}`);
  }
}

function Banner({ told, Menu, act, refresh }) {
  const [said, setSaid] = React.useState(null);
  const { snapshot, dataset } = told;
  const say = (text, isError = false) => setSaid(text ? { text, isError } : null);
  React.useEffect(() => {
    if (!said || said.isError) return undefined;
    const timer = setTimeout(() => setSaid(null), SAID_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [said]);

  const choose = async (value) => {
    say(null);
    try {
      say((await act(value))?.message);
    } catch (error) {
      // The way back is open also if the snapshot is gone
      if (value === "back") operators.executeOperator("open_dataset", { dataset });
      else say(String(error?.message ?? error), true);
    }
  };
  const link = async () => {
    try {
      await copy(new URL(`./${told.link}`, window.location.href).href);
      say("Link copied");
    } catch (error) {
      say(error.message, true);
    }
  };
  const isKnown = told.snapshots.some(({ name }) => name === snapshot);
  const others = isKnown ? told.snapshots : [{ name: snapshot, label: snapshot }, ...told.snapshots];
  return create(
    React.Fragment,
    null,
    create("span", { className: "lock" }, "Read-only"),
    create(
      "span",
      { className: "where", title: told.about, "data-testid": "banner-where" },
      "Snapshot ",
      create("span", { className: "name" }, snapshot),
      ` of ${dataset}`
    ),
    create(
      "span",
      { className: "actions", onPointerEnter: refresh, onFocus: refresh },
      create(
        "select",
        {
          "aria-label": "Snapshot that is open",
          title: "Open another snapshot",
          value: snapshot,
          // What no snapshot can be called
          onChange: ({ target: { value } }) => choose(value === ALL ? "all" : `open/${value}`),
        },
        others.map(({ name, label, can_be_opened: canBeOpened }) =>
          create(
            "option",
            { key: name, value: name, disabled: !canBeOpened && name !== snapshot },
            name === snapshot ? `✓ ${label}` : label
          )
        ),
        told.snapshots.length < told.total &&
          create("option", { value: ALL }, `All ${told.total.toLocaleString()}, in the History panel…`)
      ),
      create(
        "button",
        { type: "button", className: "back", onClick: () => choose("back") },
        "Back to current dataset"
      ),
      create("button", { type: "button", onClick: link }, "Copy link"),
      told.menu.length > 0 &&
        create(Menu, {
          label: `More for the open snapshot ${snapshot}`,
          choices: told.menu,
          draw: (attributes) => create("button", { type: "button", ...attributes }, "⋮"),
          look: { className: `${ID}-menu` },
          onChoose: choose,
        })
    ),
    said &&
      create(
        "span",
        { className: "said", role: said.isError ? "alert" : "status", "data-testid": "banner-said" },
        said.text
      )
  );
}

/** Does what was clicked in the banner; returns the result. */
function use(value) {
  return new Promise((resolve, reject) => {
    const callback = ({ result, error, errorMessage }) =>
      error ? reject(errorMessage || error) : resolve(result);
    operators.executeOperator(USE_BANNER, { value }, { callback, skipErrorNotification: true });
  });
}

/**
 * Makes the banner's place in the page.
 *
 * Menu: the component of menus; ask: executes an operator quietly; opened: tells which dataset is
 * open. Returns a function that shows the banner of a snapshot, or takes it away.
 */
export function placeBanner({ Menu, ask, opened }) {
  document.getElementById(ID)?.remove();
  const place = document.createElement("div");
  place.id = ID;
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", "Open snapshot");
  place.dataset.testid = ID;
  const style = document.createElement("style");
  style.textContent = STYLE;
  document.head.append(style);
  document.body.prepend(place);
  new ResizeObserver(() => {
    document.body.style.setProperty(`--${ID}-height`, `${place.offsetHeight}px`);
    // The grid fits itself to the window
    window.dispatchEvent(new Event("resize"));
  }).observe(place);
  // The App takes keys for itself, wherever the focus is; those pressed here are meant for here
  window.addEventListener(
    "keydown",
    (event) => place.contains(event.target) && event.stopImmediatePropagation(),
    true
  );

  const root = ReactDOM.createRoot(place);
  let dataset = null;
  let asked = 0;
  const draw = (told) => {
    const does = { act, refresh: freshen };
    root.render(told ? create(Banner, { key: told.snapshot, told, Menu, ...does }) : null);
  };
  const show = async (wanted) => {
    // That of another dataset must not stay until the server has answered
    if (dataset !== wanted) draw(null);
    dataset = wanted;
    asked = Date.now();
    const told = wanted ? await ask("describe_banner", wanted) : null;
    if (dataset !== wanted || (await opened()) !== wanted) return;
    if (told?.snapshot) draw(told);
  };
  const act = async (value) => {
    const result = await use(value);
    show(dataset);
    return result;
  };
  function freshen() {
    if (Date.now() - asked >= FRESH_MILLISECONDS) show(dataset);
  }
  // The App's start page, for one, is no dataset that is opened
  setInterval(async () => {
    if (dataset && (await opened()) !== dataset) show(null);
  }, LEFT_MILLISECONDS);
  return { show };
}
