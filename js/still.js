/*
 * A part of a panel that is drawn again only when something of it is different. With every letter
 * that somebody types, and every answer of the server, the App draws all of a panel anew, which
 * takes as long as there are texts and buttons in it. Nothing in such a part may be typed in.
 */
const { React, __fop__: plugins } = window;

function Still({ told, id, drawn }) {
  const Drawing = plugins.usePluginComponent("SchemaIOComponent").component;
  const schema = React.useMemo(() => {
    const { view, ...rest } = drawn;
    return { ...rest, view: { ...view, component: "GridView" } };
  }, [told]);
  return React.createElement(Drawing, { id, schema });
}

export default React.memo(Still, (one, other) => one.told === other.told && one.id === other.id);
