/** Numbers, times and sizes as people read them. */

import { t } from "../strings";

const whole = new Intl.NumberFormat("en");

/** 12345 → "12,345"; 0.000213 → "0.000213"; 1234.5678 → "1,235". */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return whole.format(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** Rounded down, so that only the end is 100 %; with a decimal where a long run begins. */
export function percent(share: number): string {
  const tenths = Math.floor(Math.min(1, Math.max(0, share)) * 1000);
  return `${tenths < 100 ? tenths / 10 : Math.floor(tenths / 10)} %`;
}

/** A part of a whole: "12 %", "0.4 %". */
export function share(part: number, whole: number): string {
  if (whole === 0) return "–";
  const percents = (part / whole) * 100;
  return `${percents > 0 && percents < 10 ? Number(percents.toPrecision(2)) : Math.round(percents)} %`;
}

/** The two largest units: "45 s", "3 min 05 s", "2 h 10 min", "3 d 4 h". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** A guess at a duration, no more exact than it is: "about 40 seconds", "about 20 minutes", "about 3 days". */
export function roughly(seconds: number): string {
  const units: [number, Intl.RelativeTimeFormatUnit][] = [
    [86_400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];
  const [size, unit] = units.find(([size]) => seconds >= 1.5 * size) ?? [1, "second"];
  const count = Math.max(1, seconds / size);
  const round = count < 10 ? Math.round(count) : Number(count.toPrecision(count < 60 ? 1 : 2));
  const written = new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" }).format(round);
  return t.form.about(written);
}

/** Decimal units, as disks are sold: 1_500_000 → "1.5 MB". */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : Number(value.toPrecision(2))} ${units[unit]}`;
}

/** "just now", "5 minutes ago", "yesterday"; a date once it is more than a month old. */
export function ago(iso: string, now: number = Date.now()): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (seconds < 45) return t.common.justNow;
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (seconds < 2700) return relative.format(-Math.max(1, Math.round(seconds / 60)), "minute");
  if (seconds < 79_200) return relative.format(-Math.max(1, Math.round(seconds / 3600)), "hour");
  if (seconds < 2_600_000) return relative.format(-Math.round(seconds / 86_400), "day");
  return new Date(iso).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

/** "28 Nov 2026, 14:02", in the reader's time. */
export function moment(iso: string): string {
  return new Date(iso).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** "in 6 days", "in 3 hours", "this minute". */
export function ahead(iso: string, now: number = Date.now()): string {
  const seconds = Math.max(0, (Date.parse(iso) - now) / 1000);
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (seconds < 5400) return relative.format(Math.round(seconds / 60), "minute");
  if (seconds < 129_600) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86_400), "day");
}

/** "learning_rate" → "Learning rate"; the words of a name that are written in capitals stay so. */
export function title(name: string): string {
  const words = name
    .replaceAll("_", " ")
    .replace(/\b(ema|vae|gan|fid|kl|nll|tv|r1|rgb|id|z|w)\b/gi, (w) => w.toUpperCase());
  return capital(words);
}

export function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
