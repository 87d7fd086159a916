/*
 * A part of a panel that is drawn again only when it is different: with every answer, the App draws
 * all of a panel anew.
 */
const { React, __fop__: plugins } = window;
const create = React.createElement;

const Undisturbed = React.memo(
  ({ id, drawn }) => {
    const { component } = plugins.usePluginComponent("SchemaIOComponent");
    const schema = { ...drawn, view: { ...drawn.view, component: "GridView" } };
    return React.useMemo(() => create(component, { id, schema }), [component, id, drawn]);
  },
  (one, other) => one.told === other.told && one.id === other.id
);

export function Still({ schema, path, root_id: root }) {
  return create(Undisturbed, { told: JSON.stringify(schema), id: `${root}/${path}`, drawn: schema });
}
