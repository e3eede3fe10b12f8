/** How good pictures are: versions by their scores, a metric over training, two versions beside each other. */

import { useRoute } from "preact-iso";
import { PageHead } from "../components/pieces";
import { useQuery } from "../lib/url";
import { Compare } from "./metrics-compare";
import { Leaderboard } from "./metrics-leaderboard";
import { OverTraining } from "./metrics-training";
import { NotFound } from "./NotFound";

const views = [
  { path: "/metrics", label: "Leaderboard", tab: "Metrics", View: Leaderboard },
  { path: "/metrics/training", label: "Over training", tab: "Metrics over training", View: OverTraining },
  { path: "/metrics/compare", label: "Compare", tab: "Two versions compared", View: Compare },
];

export default function Metrics() {
  const { params } = useRoute();
  const [query, change] = useQuery();
  const shown = views.find(({ path }) => path === (params.view ? `/metrics/${params.view}` : "/metrics"));
  if (!shown) return <NotFound />;
  return (
    <div class="page">
      <PageHead
        title="Metrics"
        tab={`${shown.tab} · Atelier`}
        actions={
          shown.View === Leaderboard &&
          query.measure === undefined && (
            <button type="button" onClick={() => change({ measure: "" })}>
              Measure a version
            </button>
          )
        }
      >
        <p class="lead">How good pictures are, in numbers that say how they were made and how sure they are.</p>
      </PageHead>
      <nav class="tabs" aria-label="Views of metrics">
        {views.map(({ path, label }) => (
          <a key={path} href={path} aria-current={path === shown.path ? "page" : undefined}>
            {label}
          </a>
        ))}
      </nav>
      <shown.View />
    </div>
  );
}
