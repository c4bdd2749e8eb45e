import { defineConfig } from "vite";

// `npm run dev` serves the sources and asks a running masthead for the data.
export default defineConfig({
  build: { target: "es2022", chunkSizeWarningLimit: 700 },
  server: { proxy: { "/api": "http://127.0.0.1:9090" } },
});
