/** Line icons, drawn here: no icon font, no request. */

const paths = {
  home: "M4 11l8-7 8 7v8a1 1 0 0 1-1 1h-4v-6H9v6H5a1 1 0 0 1-1-1z",
  train: "M4 18l5-6 4 3 7-9M15 6h5v5",
  runs: "M4 6h2M4 12h2M4 18h2M10 6h10M10 12h10M10 18h6",
  models: "M12 3l8 4.500v9L12 21l-8-4.500v-9zM4 7.500l8 4.500 8-4.500M12 12v9",
  inference: "M4 5h16v14H4zM4 15l4.5-4.5 4 4 2.5-2.5 5 5M15.5 9.5h.01",
  datasets: "M4 8h12v12H4zM8 8V4h12v12h-4M4 17l3.500-3.500 3 3 2-2 3.500 3.500",
  style:
    "M19.500 4.500c-4 1.500-8.500 5-10.500 8.500l2 2c3.500-2 7-6.500 8.500-10.500zM8 14c-2.500 0-3.500 1.500-3.500 3.500 0 1-.5 1.500-1 2 4 .8 7-.5 7-3.500",
  metrics: "M4 20h16M7 20v-6M12 20V5M17 20v-9",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  logs: "M5 4h14v16H5zM8.5 9h7M8.5 12.5h7M8.5 16h4",
  dice: "M5 5h14v14H5zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01",
  close: "M6 6l12 12M18 6L6 18",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  zoomIn: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.500 4.500M11 8v6M8 11h6",
  zoomOut: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.500 4.500M8 11h6",
  settings:
    "M4 7h9M19 7h1M16 4.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM4 17h1M11 17h9M8 14.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
  add: "M12 5v14M5 12h14",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  star: "M12 4l2.400 5.200 5.600.6-4.200 3.800 1.200 5.600L12 16.300 7 19.200l1.200-5.600L4 9.800l5.600-.6z",
  play: "M8 5v14l11-7z",
  pause: "M8 5v14M16 5v14",
  up: "M6 14l6-6 6 6",
  down: "M6 10l6 6 6-6",
  save: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1-1",
  check: "M5 12.500l4.500 4.500L19 7.500",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v1M12 20v1M3 12h1M20 12h1M5.600 5.600l.7.7M17.700 17.700l.7.7M5.600 18.400l.7-.7M17.700 6.300l.7-.7",
  moon: "M20 14.500A8 8 0 0 1 9.500 4a8 8 0 1 0 10.500 10.500z",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={`${size / 16}rem`}
      height={`${size / 16}rem`}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg width="1.625rem" height="1.625rem" viewBox="0 0 32 32" aria-hidden="true">
      <g fill="var(--viridian)">
        <rect x="3" y="3" width="12" height="12" rx="2.5" />
        <rect x="17" y="3" width="12" height="12" rx="2.500" opacity=".5" />
        <rect x="3" y="17" width="12" height="12" rx="2.500" opacity=".25" />
      </g>
      <circle cx="23" cy="23" r="6" fill="var(--cadmium)" />
    </svg>
  );
}
