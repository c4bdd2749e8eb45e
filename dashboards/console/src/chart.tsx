// Lines over time on a canvas, by uPlot. Dragging over the chart zooms in.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { RangeSeries } from "./api";
import { axisTimes, seriesName, short, time } from "./format";

const COLOURS = ["#4fb3ff", "#ffb347", "#7bd88f", "#ff6b81", "#b69cff", "#f2e063", "#4fd8d0", "#ff9de2", "#a3b8cc", "#c98b5a"];

/** More lines than this make a chart that nobody can read and a browser that nobody can use. */
const MAX_LINES = 100;

/** All series on one axis of time, with gaps where a series has no value. */
export function align(series: RangeSeries[], startS: number, endS: number, stepS: number): uPlot.AlignedData {
  const steps = Math.max(1, Math.floor((endS - startS) / stepS + 1e-6) + 1);
  const times = Array.from({ length: steps }, (_, i) => startS + i * stepS);
  const lines = series.map(({ values = [] }) => {
    const line: (number | null)[] = new Array(steps).fill(null);
    for (const [at, value] of values) {
      const number = Number(value.replace("Inf", "Infinity"));
      const step = Math.round((at - startS) / stepS);
      if (step >= 0 && step < steps) line[step] = Number.isFinite(number) ? number : null;
    }
    return line;
  });
  return [times, ...lines] as uPlot.AlignedData;
}

/** Samples without a neighbour: no line goes to them, so they need a point. */
export function isolated(line: ArrayLike<number | null | undefined>): number[] {
  const there = (i: number) => line[i] !== null && line[i] !== undefined;
  return Array.from({ length: line.length }, (_, i) => i).filter((i) => there(i) && !there(i - 1) && !there(i + 1));
}

export function Chart(props: {
  series: RangeSeries[];
  startS: number;
  endS: number;
  stepS: number;
  onZoom: (startS: number, endS: number) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const shown = props.series.slice(0, MAX_LINES);
  const data = useMemo(
    () => align(shown, props.startS, props.endS, props.stepS),
    [props.series, props.startS, props.endS, props.stepS],
  );
  useEffect(() => {
    const element = box.current!;
    const axis = { stroke: "#8b9bb0", grid: { stroke: "#1f2c3d" }, ticks: { stroke: "#1f2c3d" } };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: 340,
        series: [
          {},
          ...shown.map(({ metric }, i) => ({
            label: seriesName(metric),
            stroke: COLOURS[i % COLOURS.length],
            width: 1.5,
            points: { show: true, size: 5, fill: COLOURS[i % COLOURS.length], filter: (u: uPlot, line: number) => isolated(u.data[line]!) },
          })),
        ],
        axes: [
          { ...axis, size: 36, space: 80, values: (_: uPlot, ticks: number[], __: number, ___: number, step: number) => axisTimes(ticks, step) },
          { ...axis, size: 70, values: (_: uPlot, ticks: number[]) => ticks.map(short) },
        ],
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false } },
        hooks: {
          setCursor: [(u) => setHovered(u.cursor.idx ?? null)],
          setSelect: [
            (u) => {
              if (u.select.width < 4) return;
              props.onZoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
            },
          ],
        },
      },
      data,
      element,
    );
    element.dataset.lines = String(shown.length);
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 340 }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [data]);
  const at = hovered === null ? undefined : data[0][hovered];
  const valueOf = (line: number) => {
    const values = data[line + 1] ?? [];
    const value = hovered === null ? Array.from(values).findLast((v) => v !== null && v !== undefined) : values[hovered];
    return value === null || value === undefined ? "–" : short(value);
  };
  return (
    <div class="chart">
      <div ref={box} data-testid="chart" />
      <p class="legend-time">{at === undefined ? "latest" : time(at * 1000)}</p>
      <ul class="legend">
        {shown.map(({ metric }, i) => (
          <li key={i}>
            <i style={{ background: COLOURS[i % COLOURS.length] }} />
            <span>{seriesName(metric)}</span>
            <b>{valueOf(i)}</b>
          </li>
        ))}
        {props.series.length > MAX_LINES && <li>… and {props.series.length - MAX_LINES} more, not drawn</li>}
      </ul>
    </div>
  );
}
