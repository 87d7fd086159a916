/*
 * Keys in the History panel: Enter saves and presses buttons, which the App would otherwise prevent,
 * and Ctrl+Z offers to undo what was done last. Escape closes the window of a sample, its history too.
 */
const { __foo__: operators } = window;

const PANEL = "[data-testid=history-panel]";
const CREATE = "[data-testid=history-create]";
const SAVE = "[aria-label='Save new snapshot']";
const LOOK_MILLISECONDS = 100;
// Longer than any answer takes; whoever types on, or goes elsewhere, ends it before
const SAVABLE_MILLISECONDS = 60000;

/** What waits for the name that was typed last. */
let waiting = null;

/** Presses "Save new snapshot" as soon as the server has said that the name can be used. */
function save(box, field) {
  clearTimeout(waiting);
  const typed = field.value;
  const until = Date.now() + SAVABLE_MILLISECONDS;
  const press = () => {
    const button = box.querySelector(SAVE);
    if (!box.isConnected || field.value !== typed || Date.now() > until) return;
    if (button && !button.disabled) button.click();
    else waiting = setTimeout(press, LOOK_MILLISECONDS);
  };
  waiting = setTimeout(press, LOOK_MILLISECONDS);
}

/** Whether Ctrl+Z is pressed, or what it is on a Mac; with Caps Lock, the key is a capital. */
function isUndo({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  return key.toLowerCase() === "z" && (ctrlKey || metaKey) && !shiftKey && !altKey;
}

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
    if (key === "Enter" && isTyped && target.closest(PANEL)) {
      // As without the App, which takes Enter for itself: what is typed is what is meant (field.js)
      target.dispatchEvent(new Event("change"));
      if (!target.closest(CREATE)) return;
      event.stopImmediatePropagation();
      save(target.closest(CREATE), target);
    } else if (isUndo(event) && isHere && !isTyped) {
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
const PRESSED = [
  "[data-testid=history-panel] button",
  "[data-testid=sample-history] button",
  "[data-testid=history-menu] [role=menuitem]",
].join();
window.addEventListener(
  "keydown",
  (event) => {
    const pressed = event.target.closest?.(PRESSED);
    if (event.key === "Enter" && pressed) event.stopImmediatePropagation();
  },
  true
);

// The App leaves Escape to what draws the sample, which is not there while its history is
const WINDOW = "#modal.modalon";
const OVER_IT = "[role=dialog], [role=menu], [role=listbox]";
window.addEventListener(
  "keydown",
  ({ key, target }) => {
    if (key !== "Escape" || target.matches?.("input, textarea")) return;
    const isHistory = document.querySelector(`${WINDOW} [data-testid=sample-history]`);
    const isThere = (element) => element.checkVisibility();
    const isSample = [...document.querySelectorAll(`${WINDOW} [data-cy=looker]`)].some(isThere);
    const isBelow = [...document.querySelectorAll(OVER_IT)].some(isThere);
    if (isHistory && !isSample && !isBelow) operators.executeOperator("close_sample");
  },
  true
);
