import { defineConfig } from "vitest/config";
import { slimPico } from "./slim-pico.ts";

const server = "http://127.0.0.1:8000";

export default defineConfig({
  build: {
    outDir: "../backend/atelier/web",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy allows no data: address
    target: "es2023",
    cssTarget: ["chrome123", "firefox121", "safari17.5"], // what knows light-dark()
  },
  css: { postcss: { plugins: [slimPico] } },
  server: {
    // The API admits no foreign origin, so the development server speaks in its name.
    proxy: { "/api": { target: server, changeOrigin: true, headers: { origin: server } } },
  },
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
