/*
 * Changed samples before and after: the media as the App serves them, with the labels that differ
 * drawn over. What differs, Python tells (backend/diff/drawing.py), in FiftyOne's coordinates from
 * 0 to 1, so that the drawing fits whatever size the picture has.
 */
const { React, __foo__: operators, __fos__: app, __fosp__: spaces } = window;
const create = React.createElement;

const VERSIONS = ["Both", "Before", "After"];
const COLORS = {
  added: "#3ddc84",
  removed: "#ff5f56",
  relabelled: "#ffb02e",
  moved: "#4db6ff",
  changed: "#d9d9d9",
};

const STYLE = `
  .snapshots-pictures { display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 380px), 1fr)); }
  .snapshots-pictures.single { grid-template-columns: repeat(auto-fill, minmax(min(100%, 190px), 1fr)); }
  /* Of one sample, as large as there is room */
  .snapshots-pictures.alone { grid-template-columns: minmax(0, 1200px); }
  .snapshots-pictures figure { margin: 0; min-width: 0; }
  .snapshots-pictures .pair { display: flex; flex-wrap: wrap; gap: 6px; }
  /* One below the other where each would be too small to see anything */
  .snapshots-pictures .version { flex: 1 1 150px; min-width: 0; }
  .snapshots-pictures img { display: block; width: 100%; min-height: 40px; }
  .snapshots-pictures svg { position: absolute; inset: 0; width: 100%; height: 100%; }
  .snapshots-pictures .tag { position: absolute; padding: 0 4px; font-size: 11px; line-height: 15px; color: #111; white-space: nowrap; border-radius: 2px; max-width: 100%; overflow: hidden; text-overflow: ellipsis; }
  .snapshots-pictures .which { font-size: 12px; line-height: 18px; color: var(--fo-palette-text-secondary); }
  .snapshots-pictures .picture { position: relative; overflow: hidden; border-radius: 3px; background: #222; }
  .snapshots-pictures .absent { padding: 12px; border: 1px dashed var(--fo-palette-text-tertiary); border-radius: 3px; font-size: 13px; color: var(--fo-palette-text-secondary); }
  .snapshots-pictures .broken { color: #fff; }
  .snapshots-pictures .whole { position: absolute; left: 3px; bottom: 3px; right: 3px; display: flex; flex-wrap: wrap; gap: 3px; }
  .snapshots-pictures .whole .tag { position: static; }
  .snapshots-pictures figcaption { display: flex; align-items: baseline; flex-wrap: wrap; gap: 4px 8px; margin-bottom: 4px; }
  .snapshots-pictures .name { flex: 1 1 100px; font-weight: 600; font-size: 14px; overflow-wrap: anywhere; }
  .snapshots-pictures ul { list-style: none; margin: 4px 0 0; padding: 0; font-size: 13px; line-height: 1.4; }
  .snapshots-pictures li { color: var(--fo-palette-text-secondary); overflow-wrap: anywhere; }
  .snapshots-pictures li.mark::before { content: "■ "; color: var(--mark); }
  .snapshots-pictures-tools { display: flex; gap: 4px; margin-bottom: 8px; }
  .snapshots-pictures button, .snapshots-pictures-tools button {
    font: inherit; font-size: 13px; min-height: 28px; padding: 2px 10px; border-radius: 4px; cursor: pointer;
    color: var(--fo-palette-text-primary); background: transparent; border: 1px solid var(--fo-palette-text-tertiary);
  }
  .snapshots-pictures-tools button[aria-pressed="true"] { background: var(--fo-palette-text-primary); color: var(--fo-palette-background-level1); }
  .snapshots-pictures button:focus-visible, .snapshots-pictures-tools button:focus-visible { outline: 2px solid #4db6ff; outline-offset: 1px; }
`;
const MOST_LINES = 8;

const percent = (number) => `${100 * Math.min(1, Math.max(0, number))}%`;

/** The top left corner of what is drawn of a label, or null for one of the whole picture. */
function cornerOf({ box, lines, points }) {
  const all = box ? [[box[0], box[1]]] : [...lines.flat(), ...points];
  if (!all.length) return null;
  return [Math.min(...all.map(([x]) => x)), Math.min(...all.map(([, y]) => y))];
}

/** Where a name is written: above what it names, as far as it is on the picture there. */
function placeOf([x, y]) {
  // To the edge of the picture, not beyond
  const side =
    x > 0.7
      ? { right: percent(1 - x - 0.1), maxWidth: percent(x + 0.1) }
      : { left: percent(x), maxWidth: percent(1 - x) };
  return { ...side, top: percent(y), transform: y > 0.08 ? "translateY(-100%)" : undefined };
}

function draw(shape, color, key, isGone = false) {
  const line = {
    stroke: color,
    strokeWidth: 2,
    fill: "none",
    vectorEffect: "non-scaling-stroke",
    strokeDasharray: isGone ? "5 4" : undefined,
  };
  const drawn = [];
  if (shape.box) {
    const [x, y, width, height] = shape.box;
    drawn.push(create("rect", { ...line, key: `${key}-box`, x, y, width, height }));
  }
  shape.lines.forEach((points, number) =>
    drawn.push(
      create(shape.is_closed ? "polygon" : "polyline", {
        ...line,
        key: `${key}-line-${number}`,
        points: points.map((point) => point.join(",")).join(" "),
      })
    )
  );
  // A line of no length with round ends is a dot that is round in any picture
  shape.points.forEach(([x, y], number) =>
    drawn.push(
      create("path", {
        ...line,
        key: `${key}-point-${number}`,
        d: `M${x},${y}l0.0001,0`,
        strokeWidth: isGone ? 4 : 7,
        strokeLinecap: "round",
        strokeDasharray: undefined,
      })
    )
  );
  return drawn;
}

/** What a label is called in a version: both names where it was relabelled. */
function nameOf({ how, before, after }, isAfter) {
  const shape = isAfter ? after : before;
  const name = shape.name ?? "(no class)";
  const note = shape.note ? ` · ${shape.note}` : "";
  return isAfter && how.includes("relabelled") ? `${before.name} → ${name}${note}` : `${name}${note}`;
}

function Version({ sample, isAfter }) {
  const [isBroken, setBroken] = React.useState(false);
  const shapes = [];
  const tags = [];
  const whole = [];
  sample.changes.forEach((change, number) => {
    const shape = isAfter ? change.after : change.before;
    const color = COLORS[change.how[0]];
    if (!shape) return;
    // Where it was before, so that one sees how far it moved
    if (isAfter && change.how.includes("moved")) {
      shapes.push(...draw(change.before, color, `${number}-was`, true));
    }
    shapes.push(...draw(shape, color, number));
    const corner = cornerOf(shape);
    const place = corner && placeOf(corner);
    const tag = create(
      "span",
      { key: number, className: "tag", style: { ...place, background: color } },
      nameOf(change, isAfter)
    );
    (corner ? tags : whole).push(tag);
  });
  const version = isAfter ? "After" : "Before";
  const said = `${sample.name}, ${version.toLowerCase()}`;
  const filepath = isAfter ? sample.filepath : sample.former_filepath ?? sample.filepath;
  const named = sample.versions ? `${version}: ${sample.versions[Number(isAfter)]}` : version;
  const picture = create(
    "div",
    { className: "picture" },
    isBroken
      ? create("span", { className: "broken" }, "The picture cannot be loaded")
      : create("img", {
          src: app.getSampleSrc(filepath),
          alt: said,
          loading: "lazy",
          onError: () => setBroken(true),
        }),
    create("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": true }, shapes),
    tags,
    create("div", { className: "whole" }, whole)
  );
  return create(
    "div",
    { className: "version", "data-version": version },
    // Above the picture, where it hides nothing
    create("div", { className: "which" }, named),
    sample.absent === version
      ? create("div", { className: "absent" }, "This version does not have the sample")
      : picture
  );
}

function Sample({ sample, versions, show }) {
  const lines = [
    ...sample.changes.map(({ said, how, frame }) => ({
      text: frame === null ? said : `frame ${frame}, ${said}`,
      color: COLORS[how[0]],
    })),
    ...sample.others.map((text) => ({ text })),
  ];
  const more = lines.length - MOST_LINES;
  return create(
    "figure",
    { "data-testid": "compared-sample", "aria-label": sample.name },
    create(
      "figcaption",
      null,
      create("span", { className: "name" }, sample.name),
      sample.filepath &&
        show &&
        create(
          "button",
          {
            type: "button",
            "aria-label": `Show sample ${sample.name}`,
            onClick: () => show(sample.id),
          },
          "Show"
        )
    ),
    sample.is_image &&
      create(
        "div",
        { className: "pair" },
        versions !== "After" && create(Version, { sample, isAfter: false }),
        versions !== "Before" && create(Version, { sample, isAfter: true })
      ),
    create(
      "ul",
      null,
      lines.slice(0, MOST_LINES).map(({ text, color }, number) =>
        create(
          "li",
          { key: number, className: color ? "mark" : undefined, style: color && { "--mark": color } },
          text
        )
      ),
      more > 0 && create("li", { key: "more" }, `and ${more} more`)
    )
  );
}

function Drawn({ samples, show }) {
  const [versions, setVersions] = React.useState("Both");
  if (!samples.length) return null;
  const isAlone = samples.length === 1 && !show;
  const layout = isAlone ? "alone" : versions === "Both" ? "pairs" : "single";
  return create(
    "div",
    null,
    create("style", null, STYLE),
    samples.some((sample) => sample.is_image) &&
      create(
        "div",
        { className: "snapshots-pictures-tools", role: "group", "aria-label": "Which versions" },
        VERSIONS.map((name) =>
          create(
            "button",
            {
              key: name,
              type: "button",
              "aria-pressed": name === versions,
              onClick: () => setVersions(name),
            },
            name
          )
        )
      ),
    create(
      "div",
      { className: ["snapshots-pictures", layout].join(" ") },
      samples.map((sample) => create(Sample, { key: sample.id, sample, versions, show }))
    )
  );
}

/** The changed samples of a comparison, before and after. */
export function Pictures({ schema }) {
  const { samples, on_show: onShow } = schema.view;
  const panel = spaces.usePanelId();
  const trigger = operators.usePanelEvent();
  const show = (id) =>
    trigger(panel, { operator: onShow, params: { kind: "changed", sample_id: id } });
  return create(Drawn, { samples, show: onShow && show });
}
