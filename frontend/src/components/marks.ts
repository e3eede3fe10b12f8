/** Points of a chart's series, with how sure they are, and a ring around the best. */

import type uPlot from "uplot";

export interface Mark {
  best: number; // step
  errors: ReadonlyMap<number, number>; // standard error by step
}

/** A mark for each series of the plot, in order. */
export function drawMarks(plot: uPlot, marks: Mark[]) {
  const { ctx } = plot;
  const pixel = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  const { left, top, width, height } = plot.bbox;
  const around = 8 * pixel; // a ring at the edge is whole
  ctx.rect(left - around, top - around, width + 2 * around, height + 2 * around);
  ctx.clip();
  marks.forEach(({ best, errors }, index) => {
    const series = plot.series[index + 1];
    if (!series?.show) return;
    const colour = typeof series.stroke === "function" ? series.stroke(plot, index + 1) : series.stroke;
    ctx.strokeStyle = ctx.fillStyle = colour ?? "";
    plot.data[0].forEach((step, place) => {
      const value = plot.data[index + 1]?.[place];
      if (value === null || value === undefined) return;
      const x = plot.valToPos(step, "x", true);
      const y = plot.valToPos(value, "y", true);
      const error = 1.96 * (errors.get(step) ?? 0);
      ctx.globalAlpha = 0.45;
      ctx.lineWidth = pixel;
      line(ctx, x, plot.valToPos(value - error, "y", true), plot.valToPos(value + error, "y", true));
      ctx.globalAlpha = 1;
      ctx.beginPath();
      ctx.arc(x, y, 2.5 * pixel, 0, 2 * Math.PI);
      ctx.fill();
      if (step !== best) return;
      ctx.lineWidth = 2 * pixel;
      ctx.beginPath();
      ctx.arc(x, y, 6.5 * pixel, 0, 2 * Math.PI);
      ctx.stroke();
    });
  });
  ctx.restore();
}

function line(ctx: CanvasRenderingContext2D, x: number, from: number, to: number) {
  ctx.beginPath();
  ctx.moveTo(x, from);
  ctx.lineTo(x, to);
  ctx.stroke();
}
