/*
 * What the page's address says of a snapshot: it can name one that is not open yet.
 */

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
export function link() {
  const [navigation] = performance.getEntriesByType("navigation");
  const url = new URL(navigation?.name || window.location.href);
  const address = url.pathname.match(/\/datasets\/([^/]+)\/?$/);
  if (!address) return null;
  const [name, snapshot] = [decodeURIComponent(address[1]), url.searchParams.get("snapshot")];
  if (snapshot) forgetLink();
  return snapshot || name.includes("@") ? { address: name, snapshot } : null;
}

